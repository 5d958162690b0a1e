import { cpSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { repository } from "../../home.ts";

/** What is no part of a checkout, or too much to copy. */
const leftOut = new Set(["node_modules", ".git", ".strata", "tests"]);

/** A copy of strata at `folder`, for commands that write into their own clone. */
export function cloneTo(folder: string): void {
  cpSync(repository, folder, {
    recursive: true,
    filter: (path) => !leftOut.has(relative(repository, path).split("/")[0] ?? ""),
  });
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
}
