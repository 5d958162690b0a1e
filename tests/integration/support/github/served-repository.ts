import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { repository } from "../../../../home.ts";

/** Texts by path; undefined takes a file away. */
export type Edits = Readonly<Record<string, string | ((before: string) => string)>>;

/** A bare repository that GitHub serves. */
export interface ServedRepository {
  readonly path: string;
  read(revision: string, path: string): Promise<string>;
  /** Makes a commit on top of another one, and points these refs at it. */
  commit(parents: readonly string[], edits: Edits, refs: readonly string[]): Promise<string>;
  resolve(revision: string): Promise<string>;
  /** undefined where there is no such thing. */
  tryResolve(revision: string): Promise<string | undefined>;
  /** Paths that differ. */
  changed(from: string, to: string): Promise<string[]>;
}

const author = { NAME: "Test", EMAIL: "test@example.com", DATE: "2026-01-01T00:00:00Z" };
const identity = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(author).map(([field, value]) => [`GIT_${role}_${field}`, value]),
  ),
);

/** This repository as it lies here, committed or not, as branch `main` of a bare one. */
export async function serveRepository(path: string): Promise<ServedRepository> {
  const index = { GIT_INDEX_FILE: `${path}.index`, GIT_CONFIG_GLOBAL: "/dev/null", ...identity };
  const git = async (words: readonly string[], options: { input?: string; tree?: string } = {}) => {
    const tree = options.tree ? ["--work-tree", options.tree] : [];
    const { stdout } = await execa("git", ["--git-dir", path, ...tree, ...words], {
      env: index,
      ...(options.tree ? { cwd: options.tree } : {}),
      ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
      stripFinalNewline: words[0] !== "show",
    });
    return stdout;
  };
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch", "main", path]);
  await git(["config", "http.receivepack", "true"]);
  const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: repository,
  });
  const files = stdout.split("\0").filter((file) => file !== "" && existsSync(join(repository, file)));
  await git(["update-index", "--add", "-z", "--stdin"], { input: files.join("\0"), tree: repository });
  const first = await git(["commit-tree", await git(["write-tree"]), "-m", "As it is"]);
  await git(["update-ref", "refs/heads/main", first]);

  const resolve = (revision: string) => git(["rev-parse", "--verify", "--quiet", revision]);
  const read = (revision: string, file: string) => git(["show", `${revision}:${file}`]);
  return {
    path,
    read,
    resolve,
    tryResolve: (revision) => resolve(revision).catch(() => undefined),
    changed: async (from, to) => (await git(["diff", "--name-only", from, to])).split("\n").filter(Boolean),
    async commit(parents, edits, refs) {
      const [parent = ""] = parents;
      await git(["read-tree", parent]);
      for (const [file, edit] of Object.entries(edits)) {
        const [, mode = "100644"] = /^(\d+) /.exec(await git(["ls-files", "--stage", "--", file])) ?? [];
        const text = typeof edit === "string" ? edit : edit(await read(parent, file));
        const blob = await git(["hash-object", "-w", "--stdin"], { input: text });
        await git(["update-index", "--add", "--cacheinfo", `${mode},${blob},${file}`]);
      }
      const above = parents.flatMap((each) => ["-p", each]);
      const message = Object.keys(edits).join(" ") || "Merge";
      const made = await git(["commit-tree", await git(["write-tree"]), ...above, "-m", message]);
      for (const ref of refs) await git(["update-ref", ref, made]);
      return made;
    },
  };
}

/** The workflows of a commit that lies in a folder. */
export function workflowsIn(folder: string): string[] {
  return globSync("*.yml", { cwd: join(folder, ".github/workflows") }).sort();
}
