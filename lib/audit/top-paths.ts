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

/** Part of all bytes below which a path is not worth a row. */
const WORTH_A_ROW = 0.02;
/** Part of a folder's bytes that has to be in such paths, or else the folder says more than what is in it. */
const WORTH_OPENING = 0.9;

/**
 * Where an image's bytes lie, in at most `rows` paths, largest first: the largest folder is opened again and again for
 * as long as what is in it still fits. What is small is summed up, as `elsewhere`.
 */
export function topPaths(
  files: readonly SizedFile[],
  rows: number,
): { readonly paths: readonly TopPath[]; readonly elsewhere: number } {
  const root = tree(files);
  const open = [root];
  const large = ({ children }: Folder) =>
    [...children.values()].filter(({ bytes }) => bytes > 0 && bytes >= root.bytes * WORTH_A_ROW);
  const opens = (folder: Folder) => {
    const inside = large(folder);
    const bytes = inside.reduce((sum, child) => sum + child.bytes, 0);
    return (
      inside.length > 0 && bytes >= folder.bytes * WORTH_OPENING && open.length - 1 + inside.length <= rows
    );
  };
  for (;;) {
    const next = open.filter(opens).toSorted((a, b) => b.bytes - a.bytes)[0];
    if (!next) break;
    open.splice(open.indexOf(next), 1, ...large(next));
  }
  const paths = open
    .map(({ path, bytes }) => ({ path: path || "/", bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
  return { paths, elsewhere: root.bytes - paths.reduce((sum, { bytes }) => sum + bytes, 0) };
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
