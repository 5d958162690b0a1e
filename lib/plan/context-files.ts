import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import type { Layer } from "../recipe/layer.ts";

/** One file of a build context. */
export interface ContextFile {
  /** Path in the build context. */
  readonly path: string;
  /** Where it comes from: a path in the repository, or how it was made. Shown as the cause of a change. */
  readonly source: string;
  /** The only part of a mode that counts, as in git: umask and checkout must not change a key. */
  readonly executable: boolean;
  readonly content: Buffer;
}

/** What lies in a layer's folder without being part of its build. */
const notContext = [
  // In a package it is compiled.
  /^layer\.(ts|js|d\.ts)$/,
  /(^|\/)__pycache__\//,
  /\.pyc$/,
  /(^|\/)\.DS_Store$/,
  /~$/,
  /\.sw[op]$/,
  /(^|\/)\.#/,
];

/**
 * All files below `folder` that a build sees, sorted by path; none when there is no such folder. Throws for what is
 * neither file nor folder: without it the image would lack it, and nobody would know.
 *
 * @param source what stands before each path when it is named as a cause, `layers/torch` for instance
 */
export function readFolder(folder: string, source: string): ContextFile[] {
  if (!existsSync(folder)) return [];
  const entries = entriesBelow(folder)
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name).slice(folder.length + 1) }))
    .filter(({ path }) => !notContext.some((pattern) => pattern.test(path)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  throwAll(
    "Files of a build",
    entries
      .filter(({ entry }) => !entry.isFile())
      .map(({ entry, path }) => {
        const what = entry.isSymbolicLink() ? "is a symbolic link" : "is no file";
        return new UserError(
          `${source}/${path}`,
          `${what}, and a build gets files alone.`,
          "Put a file there, and make links in the Dockerfile: RUN ln -s …",
        );
      }),
  );
  return entries.map(({ path }) => readContextFile(join(folder, path), `${source}/${path}`, path));
}

/** All but folders. Node's own recursion goes through links to folders, round and round where one leads up. */
function entriesBelow(folder: string): Dirent[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entriesBelow(join(folder, entry.name)) : [entry],
  );
}

/** Reads `file` as `path` of a build context. */
export function readContextFile(file: string, source: string, path: string): ContextFile {
  return {
    path,
    source,
    executable: (statSync(file).mode & 0o100) !== 0,
    content: readFileSync(file),
  };
}

/** A file of a build context that is made and not read. */
export function generatedFile(path: string, text: string, source = path): ContextFile {
  return { path, source, executable: false, content: Buffer.from(text) };
}

/** Where a layer's own files are, and how the folder is called to people and in keys: without what only this machine has. */
export function layerFolder(
  { name, folder = name, root }: Layer,
  layersFolder: string,
): { readonly path: string; readonly shown: string } {
  return { path: join(root ?? layersFolder, folder), shown: root ? folder : `layers/${folder}` };
}
