/**
 * actions/cache/restore and actions/cache/save: a key is written once; what was not found, or is there already, is no error.
 * A key that is not there falls back to the newest that begins with one of `restore-keys`. Paths are part of a cache's version.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { action, ask, input, lines, program, workspace } from "./common.ts";

await action(async () => {
  const archive = join(tmpdir(), `cache-${process.pid}.tar`);
  const version = lines("path").join("|");
  const key = `${encodeURIComponent(input("key"))}&version=${encodeURIComponent(version)}`;
  if (import.meta.dirname.endsWith("save")) {
    const paths = lines("path").filter((path) => existsSync(join(workspace, path)));
    if (paths.length === 0) {
      console.log(
        "::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist",
      );
      return;
    }
    program("tar", "-cf", archive, ...paths);
    console.log((await ask(`/save?key=${key}`, readFileSync(archive))).toString());
    return;
  }
  const prefixes = lines("restore-keys").map((prefix) => `&prefix=${encodeURIComponent(prefix)}`);
  const found = await ask(`/restore?key=${key}${prefixes.join("")}`);
  console.log(found.length > 0 ? "Cache restored" : `Cache not found for input keys: ${input("key")}`);
  if (found.length === 0) return;
  writeFileSync(archive, found);
  program("tar", "-xf", archive);
});
