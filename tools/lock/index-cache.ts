import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cache } from "../../home.ts";
import { attempt } from "../program/exec.ts";

/** How uv is told to ask an index once a run, and no more. */
export interface IndexCache {
  readonly environment: Readonly<Record<string, string>>;
  /** What stands in a file uv.toml; undefined where files of the user say which index is asked. */
  readonly configuration: string | undefined;
}

/**
 * A cache of uv in which this run's answers of the index hold, however long its server says, and nothing that it said
 * before: all locks of a run see the same index, as it is now. uv keeps with an answer how long it holds, and has no
 * word for "since then"; so the answers of the last run are removed. What is built from source packages stays.
 */
export async function openIndexCache(uv: string): Promise<IndexCache> {
  const folder = takeFolder(process.env.UV_CACHE_DIR ?? cache);
  for (const name of readdirSync(folder)) {
    if (/^simple-v\d+$/.test(name)) rmSync(join(folder, name), { recursive: true });
  }
  const index = await defaultIndex(uv);
  const environment = { UV_CACHE_DIR: folder };
  if (index === undefined) return { environment, configuration: undefined };
  // Named in the environment it would come before the one of the file, and bring no word on how long it holds.
  return {
    environment: { ...environment, UV_DEFAULT_INDEX: "", UV_INDEX_URL: "" },
    configuration: configurationOf(index),
  };
}

/** A folder that no other run uses: it would miss the answers that are removed here. */
function takeFolder(parent: string): string {
  for (let number = 1; ; number++) {
    const folder = join(parent, `uv-lock-${number}`);
    const owner = join(folder, "strata.pid");
    if (existsSync(owner) && isRunning(Number(readFileSync(owner, "utf8")))) continue;
    mkdirSync(folder, { recursive: true });
    writeFileSync(owner, String(process.pid));
    return folder;
  }
}

/** Whether another process has this number; one may be gone whose run was killed. */
function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The index that uv asks when no other has a package; undefined where files of the user configure it. */
async function defaultIndex(uv: string): Promise<string | undefined> {
  if (process.env.UV_CONFIG_FILE) return undefined;
  const args = ["pip", "compile", "-", "--no-header", "--emit-index-url"];
  const shown = async (env: Record<string, string>) => {
    const { stdout } = await attempt(uv, args, { cwd: tmpdir(), env });
    return stdout;
  };
  const [own, without] = [await shown({}), await shown({ UV_NO_CONFIG: "1" })];
  // A file may give it a name, and the login under that name, which one written here would hide.
  if (own !== without) return undefined;
  return /^--index-url (\S+)$/m.exec(own)?.[1];
}

/** A file never changes: locks have its hash. */
function configurationOf(index: string): string {
  const name = /^([\w.-]+)=/.exec(process.env.UV_DEFAULT_INDEX ?? "")?.[1];
  return [
    "[[index]]",
    ...(name ? [`name = ${JSON.stringify(name)}`] : []),
    `url = ${JSON.stringify(index)}`,
    "default = true",
    'cache-control = { api = "max-age=86400", files = "max-age=365000000, immutable" }',
  ].join("\n");
}
