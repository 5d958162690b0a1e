/** Lays the layers over one another and finds where they meet. */
import type { AuditLayer, Entry, Finding } from "./audit-schema.ts";
import { type Node, Tree } from "./file-tree.ts";
import { finding } from "./rules.ts";

const WHITEOUT = /(^|\/)\.wh\.([^/]+)$/;
/** In a folder: hides everything that lower layers have there. */
const OPAQUE = /(^|\/)\.wh\.\.wh\.\.opq$/;

/**
 * @param systemLayers among this many lowest layers anything may replace anything: they are one owner
 * @returns the merged tree, and where layers above them touch what another layer carries
 */
export function mergeLayers(
  layers: readonly AuditLayer[],
  systemLayers: number,
): { tree: Tree; findings: Finding[] } {
  const tree = new Tree();
  const findings: Finding[] = [];
  for (const [index, layer] of layers.entries()) {
    const number = index + 1;
    const isSystem = index < systemLayers;
    const name = (other: number) =>
      `layer ${other}${layers[other - 1]?.stage ? ` (${layers[other - 1]?.stage})` : ""}`;
    // Whiteouts hide lower layers only, wherever in the tar they stand.
    for (const entry of layer.entries) {
      if (WHITEOUT.test(entry.path)) findings.push(...hide(tree, entry, number, isSystem));
    }
    for (const entry of layer.entries) {
      if (WHITEOUT.test(entry.path)) continue;
      if (!isSystem) {
        const conflict = meet(tree, entry, number, name);
        if (conflict) findings.push(conflict);
      }
      tree.put(entry, number);
    }
  }
  return { tree, findings };
}

function hide(tree: Tree, whiteout: Entry, layer: number, isSystem: boolean): Finding[] {
  const isOpaque = OPAQUE.test(whiteout.path);
  const path = isOpaque ? whiteout.path.replace(OPAQUE, "") : whiteout.path.replace(WHITEOUT, "$1$2");
  const gone = tree.remove(path, isOpaque);
  if (gone.length === 0) return [];
  const files = gone.filter(({ type }) => type === "file");
  const wastedBytes = files.reduce((sum, { size }) => sum + size, 0);
  const detail = `hides ${count(gone.length, "path")} of lower layers (${wastedBytes} bytes)`;
  // The system image's own layers come from others, and apt deletes its lists: bytes lost, but nothing is broken.
  if (!isSystem) return [finding("whiteout", layer, `/${path}`, detail, { wastedBytes })];
  return wastedBytes > 0
    ? [finding("whiteout", layer, `/${path}`, detail, { severity: "warning", wastedBytes })]
    : [];
}

function meet(tree: Tree, entry: Entry, layer: number, name: (layer: number) => string): Finding | undefined {
  const path = `/${entry.path}`;
  const obstacle = tree.obstacle(entry.path);
  // Only the highest path is reported; what lies below is the same mistake.
  if (obstacle && obstacle.node.layer !== layer) {
    const what = `lies below /${obstacle.path}, which is a ${obstacle.node.entry?.type} in ${name(obstacle.node.layer)}`;
    return finding("type-conflict", layer, path, what);
  }
  const lower = tree.find(entry.path);
  if (!lower?.entry || lower.layer === layer) return isFolderOverwritten(entry, lower, layer, path, name);
  const wastedBytes = lower.entry.size;
  if (entry.type === "directory" && lower.entry.type === "directory") {
    const [now, before] = [describe(entry), describe(lower.entry)];
    if (now === before) return undefined;
    return finding("directory-mismatch", layer, path, `is ${now} here and ${before} in ${name(lower.layer)}`);
  }
  if (entry.type === "directory" || lower.entry.type === "directory") {
    const what = `is a ${entry.type} here and a ${lower.entry.type} in ${name(lower.layer)}`;
    return finding("type-conflict", layer, path, what);
  }
  const what = `is also in ${name(lower.layer)}; its ${lower.entry.size} bytes there are hidden`;
  return finding("duplicate-path", layer, path, what, { wastedBytes });
}

/** A file over a folder that lower layers have files in but do not list. */
function isFolderOverwritten(
  entry: Entry,
  lower: Node | undefined,
  layer: number,
  path: string,
  name: (layer: number) => string,
): Finding | undefined {
  if (!lower || lower.entry || entry.type === "directory" || lower.layer === layer) return undefined;
  return finding(
    "type-conflict",
    layer,
    path,
    `is a ${entry.type} here and a folder in ${name(lower.layer)}`,
  );
}

function describe({ mode, uid, gid }: Entry): string {
  return `${mode.toString(8).padStart(4, "0")} ${uid}:${gid}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
