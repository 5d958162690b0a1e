/** The file tree that layers make when they are laid over one another. */
import type { Entry } from "./audit-schema.ts";

/** A path in the tree. */
export interface Node {
  /** Undefined for a folder that no layer lists but files lie in. */
  entry?: Entry;
  /** Number of the layer that the entry comes from, counted from 1. */
  layer: number;
  readonly children: Map<string, Node>;
}

const MOST_LINKS = 40;

/** Paths are relative to the root, without a leading slash. */
export class Tree {
  private readonly root: Node = { layer: 0, children: new Map() };

  /** The node at exactly this path; links are not followed. */
  find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of split(path)) node = node?.children.get(name);
    return node;
  }

  /** The first folder above `path` that is in fact something else, such as a link to a folder. */
  obstacle(path: string): { path: string; node: Node } | undefined {
    const names = split(path);
    let node: Node | undefined = this.root;
    for (const [index, name] of names.slice(0, -1).entries()) {
      node = node.children.get(name);
      if (!node) return undefined;
      if (node.entry && node.entry.type !== "directory")
        return { path: names.slice(0, index + 1).join("/"), node };
    }
    return undefined;
  }

  /** Adds an entry over whatever was there. Anything but a folder takes the place of what lay below. */
  put(entry: Entry, layer: number): void {
    let node = this.root;
    for (const name of split(entry.path)) {
      let next = node.children.get(name);
      if (!next) {
        next = { layer, children: new Map() };
        node.children.set(name, next);
      }
      node = next;
    }
    if (entry.type !== "directory") node.children.clear();
    node.entry = entry;
    node.layer = layer;
  }

  /**
   * Takes a path out, with all below it; with `keepFolder` only what lies below.
   *
   * @returns the entries that are gone
   */
  remove(path: string, keepFolder = false): Entry[] {
    const names = split(path);
    const node = this.find(path);
    if (!node) return [];
    const gone: Entry[] = [];
    collect(node, gone, keepFolder);
    node.children.clear();
    const name = names.pop();
    if (!keepFolder && name !== undefined) this.find(names.join("/"))?.children.delete(name);
    return gone;
  }

  /** Whether a path exists when links are followed, as a running container sees it. */
  exists(path: string): boolean {
    const queue = split(path);
    const trail: Node[] = [this.root];
    let links = 0;
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      if (name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const next = trail.at(-1)?.children.get(name);
      if (!next) return false;
      const target = next.entry?.type === "symlink" ? (next.entry.linkTarget ?? "") : undefined;
      if (target === undefined) {
        trail.push(next);
        continue;
      }
      if (++links > MOST_LINKS) return false;
      if (target.startsWith("/")) trail.length = 1;
      queue.unshift(...split(target));
    }
    return true;
  }
}

function collect(node: Node, into: Entry[], withoutTop: boolean): void {
  if (node.entry && !withoutTop) into.push(node.entry);
  for (const child of node.children.values()) collect(child, into, false);
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
