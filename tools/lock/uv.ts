import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache } from "../../home.ts";
import {
  type CoolDown,
  coolDownPath,
  noCoolDown,
  resolverOptions,
  undatedPackages,
} from "../../lib/lock-making/cool-down.ts";
import { attempt, type CommandResult, run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { type IndexCache, openIndexCache } from "./index-cache.ts";

/** The uv that resolves; the same version is locked for the builds. */
const uvVersion = "0.13.8";

/** Wheels must run on the oldest base image: Debian bookworm has this one. */
export const glibc = "2.36";
const platform = `x86_64-manylinux_${glibc.replace(".", "_")}`;

/** Options whose answer is in what uv says beside the lock. */
const spoken: ReadonlySet<string> = new Set(["--verbose", "--exclude-newer"]);

/** What the resolver is asked. */
export interface Question {
  readonly python: string;
  /** Requirement files by name, which the resolver's words and comments repeat. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Distributions that are kept out, whoever asks for them. */
  readonly excluded?: readonly string[];
  /** Lines that count in place of what anybody asks of the same package. */
  readonly overrides?: readonly string[];
  /** A lock whose versions are kept where they fit, instead of the newest. */
  readonly prefer?: string | undefined;
  readonly args?: readonly string[];
}

/** Runs `uv pip compile`. Which indexes are asked, the environment says: UV_DEFAULT_INDEX, UV_INDEX. */
export type Compile = (question: Question) => Promise<CommandResult>;

/** uv from its wheel, kept in the cache: the lock must come from the version that the builds install with. */
export async function installUv(coolDown: CoolDown = noCoolDown): Promise<Compile> {
  const folder = join(cache, `uv-${uvVersion}`);
  const uv = join(folder, "bin", "uv");
  if (!existsSync(uv)) {
    await withProgress(`Installing uv ${uvVersion}`, () =>
      run("python3", ["-m", "pip", "install", "--quiet", "--target", folder, `uv==${uvVersion}`], {
        remedy: "Install Python 3 with pip, or check the network.",
      }),
    );
  }
  const index = await openIndexCache(uv);
  const waiting = resolverOptions(coolDown, Date.now());
  return askedOnce(async (question) => {
    const asked = { ...question, args: [...(question.args ?? []), ...waiting] };
    const result = await compile(uv, asked, index);
    if (waiting.length > 0) refuseUndated(result.stderr);
    return result;
  });
}

/** Without dates a cool-down would leave out all that there is. */
function refuseUndated(said: string): void {
  const names = undatedPackages(said);
  if (names.length === 0) return;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  throw new UserError(
    coolDownPath,
    `the package index does not say when files of ${names.slice(0, 3).join(", ")}${more} were uploaded.`,
    "Name them in `except`, ask an index that says it (PEP 700), or lock with --cool-down 0.",
  );
}

/** The same question has the same answer: that of 3.14 serves the free-threaded build, which only has other wheels. */
function askedOnce(ask: Compile): Compile {
  const answers = new Map<string, Promise<CommandResult>>();
  return (question) => {
    const python = question.python.replace(/t$/, "");
    const key = JSON.stringify({ ...question, python, files: [...question.files] });
    const answer = answers.get(key) ?? ask({ ...question, python });
    answers.set(key, answer);
    return answer;
  };
}

async function compile(
  uv: string,
  { python, files, excluded = [], overrides = [], prefer, args = [] }: Question,
  { environment, configuration }: IndexCache,
): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), "strata-lock-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", clean);
  // A login may be in it.
  const write = (name: string, lines: readonly string[]) =>
    writeFile(join(folder, name), lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  try {
    for (const [name, lines] of files) await write(name, lines);
    if (excluded.length > 0) await write("excluded.txt", excluded);
    if (overrides.length > 0) await write("overrides.txt", overrides);
    if (prefer !== undefined) await writeFile(join(folder, "preferred.txt"), prefer);
    if (configuration !== undefined) await write("uv.toml", [configuration]);
    const result = await attempt(
      uv,
      [
        "pip",
        "compile",
        // In quiet it keeps its warnings too, of files without a date for instance.
        ...(args.some((arg) => spoken.has(arg)) ? [] : ["--quiet"]),
        "--no-header",
        "--generate-hashes",
        // A lock holds no addresses: which index has the files is configuration.
        "--no-emit-index-url",
        "--no-emit-find-links",
        // Metadata of source packages is made by the Python that is there; looking for another one only takes time.
        "--python",
        "python3",
        "--python-version",
        python,
        ...(args.includes("--universal") ? [] : ["--python-platform", platform]),
        ...files.keys(),
        ...(excluded.length > 0 ? ["--excludes", "excluded.txt"] : []),
        ...(overrides.length > 0 ? ["--overrides", "overrides.txt"] : []),
        // uv keeps what its output file has already, and writes there alone.
        ...(prefer !== undefined ? ["--output-file", "preferred.txt"] : []),
        ...(configuration === undefined ? [] : configured()),
        ...args,
      ],
      { cwd: folder, env: { ...environment, UV_PYTHON_DOWNLOADS: "never" } },
    );
    if (prefer === undefined || !result.ok) return result;
    return { ...result, stdout: await readFile(join(folder, "preferred.txt"), "utf8") };
  } finally {
    process.off("exit", clean);
    clean();
  }
}

/** uv reads a file in its folder beside the user's own, unless it is told to read none. */
function configured(): string[] {
  return process.env.UV_NO_CONFIG ? ["--config-file", "uv.toml"] : [];
}
