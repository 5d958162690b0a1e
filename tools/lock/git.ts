import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../errors.ts";
import { decodeText } from "../../lib/lock-making/decode-text.ts";
import type { TreeEntry } from "../../lib/lock-making/node-source.ts";
import { attempt, tail } from "../program/exec.ts";
import { PassingFailure, patiently } from "../program/retry.ts";

/** Of one call of a server. */
const patience = { tries: 3, pauseMs: 2_000 };
const TIMEOUT_MS = 600_000;
const hasty = { patience: { tries: 1, pauseMs: 0 }, timeout: 20_000 };

/** Nobody answers questions here; nothing of a surrounding repository may play in. */
const environment = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "true",
  GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND ?? "ssh -o BatchMode=yes",
};

/** Where a repository is fetched from, and how it is called to the user. */
export interface Remote {
  readonly name: string;
  readonly location: string;
  /** Whether an answer is only good to know: asked once, and not for long. */
  readonly isHasty?: boolean;
}

/** A commit in a repository of its own on this machine. */
export interface FetchedCommit {
  readonly entries: readonly TreeEntry[];
  /** The contents of `entries`, as text, by path. */
  readonly read: (entries: readonly TreeEntry[]) => Promise<Map<string, string>>;
}

/** The commit that a branch or tag points at now; annotated tags are followed, a full commit stands for itself. */
export async function resolveRef(remote: Remote, ref: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref;
  const refNames =
    ref === "HEAD" || ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  const listing = await ask(remote, [
    "ls-remote",
    "--",
    remote.location,
    ...refNames.flatMap((name) => [name, `${name}^{}`]),
  ]);
  const commitsByRef = new Map(
    listing
      .split("\n")
      .map((line) => line.split("\t"))
      .flatMap(([commit, name]) => (commit && name ? [[name, commit] as const] : [])),
  );
  const commits = new Set(
    refNames.map((name) => commitsByRef.get(`${name}^{}`) ?? commitsByRef.get(name)).filter(Boolean),
  );
  const [commit] = commits;
  if (commit && commits.size === 1) return commit;
  throw commit
    ? new UserError(
        remote.name,
        `has a branch and a tag "${ref}" at different commits.`,
        `Write refs/heads/${ref} or refs/tags/${ref} in the recipe.`,
      )
    : new UserError(remote.name, `has no branch or tag "${ref}".`, "Correct `ref` in the recipe.");
}

/** Fetches exactly one commit, without history, into a bare repository in `folder`. */
export async function fetchCommit(remote: Remote, commit: string, folder: string): Promise<FetchedCommit> {
  const local = await shallow(remote, commit, folder, "--depth=1");
  const listing = await execa("git", local("ls-tree", "-r", "-z", "--long", commit));
  return {
    entries: listing.stdout.split("\0").flatMap(toEntry),
    read: (entries) => readTexts(entries, local),
  };
}

/** The texts of a commit's files whose path is wanted, by path; from servers that can, nothing else is fetched. */
export async function fetchFiles(
  remote: Remote,
  commit: string,
  folder: string,
  isSelected: (path: string) => boolean,
): Promise<Map<string, string>> {
  const local = await shallow(remote, commit, folder, "--depth=1", "--filter=blob:none");
  const listing = await execa("git", local("ls-tree", "-r", "-z", commit));
  const blobs = listing.stdout.split("\0").flatMap((line) => {
    const [, mode, object = "", path = ""] = /^(\d+) blob (\w+)\t([\s\S]+)$/.exec(line) ?? [];
    return mode !== undefined && mode !== "120000" && isSelected(path) ? [{ path, object }] : [];
  });
  await fetchMissing(remote, local, blobs);
  return await readTexts(blobs, local);
}

/** Fetches those that a server left out. */
export async function fetchMissing(remote: Remote, local: Local, blobs: readonly Blob[]): Promise<void> {
  const { stdout } = await execa("git", local("cat-file", "--batch-check"), { input: objects(blobs) });
  const missing = stdout.split("\n").flatMap((line) => /^(\w+) missing$/.exec(line)?.[1] ?? []);
  if (missing.length === 0) return;
  const only = ["--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--", remote.location];
  // Nothing that is here is worth telling the server: it would look at history that was never fetched.
  const quiet = ["-c", "fetch.negotiationAlgorithm=noop"];
  await ask(remote, [...quiet, ...local("fetch", "--quiet", ...only, ...new Set(missing))]);
}

/** Calls git in a bare repository. */
export type Local = (...args: string[]) => string[];

/** One commit, with as much history as `options` say, in a bare repository of its own. */
export async function shallow(
  remote: Remote,
  commit: string,
  folder: string,
  ...options: string[]
): Promise<Local> {
  const git = join(folder, `${remote.name.replace(/[^\w.-]+/g, "+")}-${commit.slice(0, 12)}.git`);
  const local = (...args: string[]) => ["-c", "core.hooksPath=/dev/null", "--git-dir", git, ...args];
  await execa("git", ["init", "--quiet", "--bare", git], { env: environment });
  const only = ["--no-tags", "--no-write-fetch-head", ...options];
  await ask(remote, local("fetch", "--quiet", ...only, "--", remote.location, commit));
  return local;
}

type Blob = Pick<TreeEntry, "path" | "object">;

function objects(entries: readonly Blob[]): string {
  return entries.map(({ object }) => `${object}\n`).join("");
}

/** Contents of blobs that are here, by path. */
export async function readTexts(entries: readonly Blob[], local: Local): Promise<Map<string, string>> {
  const { stdout } = await execa("git", local("cat-file", "--batch"), {
    input: objects(entries),
    encoding: "buffer",
    maxBuffer: 2 ** 31,
  });
  return splitBatch(Buffer.from(stdout), entries);
}

/** `<mode> <type> <object> <size>\t<path>`; a submodule has the type `commit` and no size. Links (120000) say nothing. */
function toEntry(line: string): TreeEntry[] {
  const [, mode, type, object, size, path] = /^(\d+) (\w+) (\w+) +(-|\d+)\t([\s\S]+)$/.exec(line) ?? [];
  if (!type || !object || !path || mode === "120000") return [];
  return [{ path, object, size: type === "commit" ? null : Number(size) }];
}

/** What `git cat-file --batch` prints: a line `<object> <type> <size>`, the content and a line end, for each. */
function splitBatch(output: Buffer, entries: readonly Blob[]): Map<string, string> {
  const texts = new Map<string, string>();
  let at = 0;
  for (const { path } of entries) {
    const end = output.indexOf("\n", at);
    const size = Number(output.toString("latin1", at, end).split(" ")[2]);
    texts.set(path, decodeText(output.subarray(end + 1, end + 1 + size)));
    at = end + 1 + size + 1;
  }
  return texts;
}

/** Asks a server, again when it fails for a moment; what it will never answer fails at once. */
function ask(remote: Remote, args: readonly string[]): Promise<string> {
  const unreadable = (output: string) =>
    new UserError(
      remote.name,
      `cannot be read from ${remote.location}:\n${tail(output, 5)}\n`,
      "Check the address in the recipe, the network and --mirror; a submodule that is not needed can be left out (`omit`).",
    );
  return patiently(
    async () => {
      const { ok, stdout, all } = await attempt("git", args, {
        env: environment,
        timeout: remote.isHasty ? hasty.timeout : TIMEOUT_MS,
      });
      if (ok) return stdout;
      throw isFinal(all) ? unreadable(all) : new PassingFailure(all);
    },
    ({ message }) => unreadable(message),
    remote.isHasty ? hasty.patience : patience,
  );
}

function isFinal(output: string): boolean {
  return /not found|not exist|denied|not our ref|could not read Username|not export/i.test(output);
}
