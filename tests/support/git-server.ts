import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { freePort } from "./port.ts";

/** Repositories served over git on the loopback address. */
export interface GitServer {
  /** `git://127.0.0.1:<port>/`: what a mirror replaces a prefix by. */
  readonly address: string;
  stop(): Promise<void>;
}

/** What a commit holds. */
export interface Contents {
  /** Texts by path. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** By path: the address as .gitmodules has it, and the commit. */
  readonly submodules?: Readonly<Record<string, { readonly url: string; readonly commit: string }>>;
  /** Contents that git LFS would keep elsewhere, by path: the repository gets pointers. */
  readonly lfs?: Readonly<Record<string, string>>;
  /** Annotated tag for the commit. */
  readonly tag?: string;
  /** When it is made. @default the same for all */
  readonly date?: string;
}

/** Always the same, so that the same contents are the same commit. */
const environment = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  ...Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => [
      [`GIT_${role}_NAME`, "Test"],
      [`GIT_${role}_EMAIL`, "test@example.com"],
      [`GIT_${role}_DATE`, "2026-01-01T00:00:00Z"],
    ]),
  ),
};

/** Serves every repository below `folder`, to whoever is on this machine. */
export async function startGitServer(folder: string): Promise<GitServer> {
  const port = await freePort();
  const daemon = spawn(
    "git",
    ["daemon", "--export-all", `--base-path=${folder}`, "--listen=127.0.0.1", `--port=${port}`, folder],
    { stdio: "ignore", env: { ...process.env, ...environment } },
  );
  // Also when the test process ends before its time.
  const kill = () => daemon.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries === 100 || daemon.exitCode !== null) throw new Error("git daemon does not start");
    await sleep(50);
  }
  return {
    address: `git://127.0.0.1:${port}/`,
    stop: async () => {
      process.off("exit", kill);
      kill();
      await ended;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false)).once("connect", () => socket.destroy());
  });
}

/** Adds a commit with these contents to the bare repository `path`, which is made when it is not there yet. */
export async function commitTo(
  path: string,
  { files, submodules = {}, lfs = {}, tag, date }: Contents,
): Promise<string> {
  const tree = mkdtempSync(join(tmpdir(), "strata-tree-"));
  const env = date ? { ...environment, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date } : environment;
  const git = async (...args: string[]) =>
    (await execa("git", ["--git-dir", path, "--work-tree", tree, ...args], { env })).stdout;
  try {
    if (!existsSync(path)) await execa("git", ["init", "--quiet", "--bare", "-b", "main", path]);
    for (const [file, text] of Object.entries({
      ...files,
      ...Object.fromEntries(Object.entries(lfs).map(([file, content]) => [file, pointer(content)])),
      ...(Object.keys(lfs).length > 0 ? { ".gitattributes": attributes(Object.keys(lfs)) } : {}),
      ...(Object.keys(submodules).length > 0 ? { ".gitmodules": gitmodules(submodules) } : {}),
    })) {
      mkdirSync(dirname(join(tree, file)), { recursive: true });
      writeFileSync(join(tree, file), text);
    }
    await git("read-tree", "--empty");
    await git("add", "--all", "--force");
    for (const [file, { commit }] of Object.entries(submodules)) {
      await git("update-index", "--add", "--cacheinfo", `160000,${commit},${file}`);
    }
    await git("commit", "--quiet", "--allow-empty", "--message", "Contents for a test");
    if (tag) await git("tag", "--force", "--annotate", "--message", tag, tag);
    return await git("rev-parse", "HEAD");
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function pointer(content: string): string {
  const oid = createHash("sha256").update(content).digest("hex");
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
}

function attributes(paths: readonly string[]): string {
  return paths.map((path) => `${path} filter=lfs diff=lfs merge=lfs -text\n`).join("");
}

function gitmodules(submodules: NonNullable<Contents["submodules"]>): string {
  return Object.entries(submodules)
    .map(([path, { url }]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`)
    .join("");
}
