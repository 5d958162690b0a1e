/**
 * actions/upload-artifact: a zip of what lies below the paths, from their common parent on. What is hidden is left out unless
 * it is asked for; nothing at all is a warning, an error or nothing; a name is given once a run.
 */
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { action, ask, input, lines, program, run, workspace } from "./common.ts";

await action(async () => {
  const hidden = input("include-hidden-files") === "true";
  const paths = lines("path").map((path) => resolve(workspace, path));
  const isSeen = (path: string) => hidden || !/(^|\/)\./.test(relative(workspace, path));
  const files = paths
    .filter((path) => existsSync(path))
    .flatMap(filesBelow)
    .filter(isSeen);
  if (files.length === 0) {
    const message = "No files were found with the provided path. No artifacts will be uploaded.";
    if (input("if-no-files-found") === "error") throw new Error(message);
    if (input("if-no-files-found") === "warn") console.log(`::warning::${message}`);
    return;
  }
  const [only = ""] = paths;
  const parent = paths.length === 1 ? (statSync(only).isDirectory() ? only : dirname(only)) : common(paths);
  const folder = mkdtempSync(join(tmpdir(), "artifact-"));
  for (const file of files) cpSync(file, join(folder, "files", relative(parent, file)));
  const zip = join(folder, "artifact.zip");
  const inside = globSync("*", { cwd: join(folder, "files") }).map((name) => join(folder, "files", name));
  program("python3", "-m", "zipfile", "-c", zip, ...inside);
  await ask(`/upload?run=${run}&name=${encodeURIComponent(input("name"))}`, readFileSync(zip));
  rmSync(folder, { recursive: true });
});

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return globSync("**/*", { cwd: path, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The longest folder that all paths are in. */
function common(all: readonly string[]): string {
  let folder = dirname(all[0] ?? "");
  while (!all.every((path) => path.startsWith(`${folder}/`))) folder = dirname(folder);
  return folder;
}
