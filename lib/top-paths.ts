/** A file of an image. */
export interface SizedFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly size: number;
}

/** A folder or file, and the bytes below it. */
export interface TopPath {
  readonly path: string;
  readonly bytes: number;
}

interface Folder {
  readonly path: string;
  readonly children: Map<string, Folder>;
  bytes: number;
}

/**
 * Where an image's bytes lie, in at most `rows` paths, largest first: the largest folder is opened again and again for
 * as long as what is in it still fits.
 */
export function topPaths(files: readonly SizedFile[], rows: number): TopPath[] {
  const open: Folder[] = [tree(files)];
  for (;;) {
    const next = open
      .filter(({ children }) => children.size > 0 && open.length - 1 + children.size <= rows)
      .toSorted((a, b) => b.bytes - a.bytes)[0];
    if (!next) break;
    open.splice(open.indexOf(next), 1, ...next.children.values());
  }
  return open
    .map(({ path, bytes }) => ({ path: path || "/", bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

function tree(files: readonly SizedFile[]): Folder {
  const root: Folder = { path: "", children: new Map(), bytes: 0 };
  for (const { path, size } of files) {
    let at = root;
    at.bytes += size;
    for (const part of path.split("/")) {
      const child = at.children.get(part) ?? { path: `${at.path}/${part}`, children: new Map(), bytes: 0 };
      at.children.set(part, child);
      at = child;
      at.bytes += size;
    }
  }
  return root;
}
