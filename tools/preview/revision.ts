import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { projectFolder } from "../../home.ts";
import { attempt, run, tail } from "../program/exec.ts";

/** Where the change that is checked out began: the common ancestor with `revision`. */
export async function mergeBase(revision: string, root = projectFolder): Promise<string> {
  const { ok, stdout, all } = await attempt("git", ["-C", root, "merge-base", "--", revision, "HEAD"]);
  if (ok) return stdout.trim();
  const commit = await attempt("git", [
    "-C",
    root,
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${revision}^{commit}`,
  ]);
  // In a clone without history the revision itself is near enough.
  if (commit.ok) return commit.stdout.trim();
  throw new UserError(
    `revision ${revision}`,
    `is not known to git here:\n${tail(all, 3)}\n`,
    "Fetch it: git fetch origin <branch>",
  );
}

/** The branch that changes are merged into, as far as this clone knows it. */
export async function defaultBase(root = projectFolder): Promise<string | undefined> {
  for (const name of ["origin/HEAD", "origin/main", "main"]) {
    const { ok } = await attempt("git", ["-C", root, "rev-parse", "--verify", "--quiet", `${name}^{commit}`]);
    if (ok) return name;
  }
  return undefined;
}

/** Lets `work` have the files of another revision, with this project's packages; they are gone afterwards. */
export async function withRevision<T>(
  revision: string,
  work: (root: string) => Promise<T>,
  root = projectFolder,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "strata-revision-"));
  const checkout = join(folder, "checkout");
  const git = ["-C", root, "-c", "core.hooksPath=/dev/null", "worktree"];
  try {
    await run("git", [...git, "add", "--detach", "--quiet", checkout, revision]);
    // A project may be a folder of its repository.
    const prefix = await run("git", ["-C", root, "rev-parse", "--show-prefix"]);
    const place = join(checkout, prefix.trim());
    const modules = modulesFolder(projectFolder);
    if (modules && existsSync(place)) await symlink(modules, join(place, "node_modules"));
    return await work(place);
  } finally {
    await attempt("git", [...git, "remove", "--force", checkout]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The packages that files of `folder` find, in it or further up. */
function modulesFolder(folder: string): string | undefined {
  const path = join(folder, "node_modules");
  if (existsSync(path)) return path;
  return dirname(folder) === folder ? undefined : modulesFolder(dirname(folder));
}
