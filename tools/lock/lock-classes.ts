import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { managerMapFile, readManagerMap } from "../../lib/lock-making/manager-map.ts";
import { type NodeClasses, nodeClassesPath, type ReadRepository } from "../../lib/locks/node-classes.ts";
import type { NodeCheckout, NodeLock } from "../../lib/locks/node-lock.ts";
import { mirrored } from "../../lib/mirrors.ts";
import type { ReportProgress } from "../program/progress.ts";
import { fetchFiles } from "./git.ts";

const managerName = "Comfy-Org/ComfyUI-Manager";
const program = join(import.meta.dirname, "node_classes");

const classScan = z.strictObject({
  classes: z.array(z.string()),
  models: z.record(
    z.string(),
    z.record(z.string(), z.strictObject({ folders: z.array(z.string()), widget: z.number().nullable() })),
  ),
  loads: z.record(
    z.string(),
    z.array(
      z.strictObject({ calls: z.array(z.string()), inputs: z.array(z.string()), names: z.array(z.string()) }),
    ),
  ),
  open: z.array(z.string()),
  alone: z.array(z.string()),
  unread: z.array(z.string()),
});

/** Reads the classes of every repository in the node lock at its commit, and ComfyUI-Manager's list for all others. */
export async function lockClasses(
  lock: NodeLock,
  mirrors: Readonly<Record<string, string>>,
  say: ReportProgress = () => {},
): Promise<NodeClasses> {
  const folder = await mkdtemp(join(tmpdir(), "strata-classes-"));
  const checkouts = Object.entries(lock.repositories);
  const repositories: Record<string, ReadRepository> = {};
  let done = 0;
  try {
    const { others: listed, patterns } = await readList(lock, mirrors, folder);
    for (const [name, checkout] of checkouts) {
      say(`${++done} of ${checkouts.length}, ${name}`);
      const sources = await fetchSources(name, checkout, mirrors, folder);
      const classes = await readClasses(name, { ...sources, listed: listed[name] ?? [] });
      repositories[name] = {
        commit: checkout.commit,
        ...classes,
        elsewhere: (listed[name] ?? []).filter((type) => !classes.classes.includes(type)).sort(),
      };
    }
    return {
      repositories,
      manager: lock.repositories[managerName]?.commit ?? null,
      others: Object.fromEntries(Object.entries(listed).filter(([name]) => !(name in repositories))),
      patterns,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Repositories that were not read at the commit that the node lock has. */
export function classesProblems(lock: NodeLock, classes: NodeClasses): UserError[] {
  const remedy = "Run `npm run lock -- classes`.";
  const names = new Set([...Object.keys(lock.repositories), ...Object.keys(classes.repositories)]);
  return [...names].flatMap((name) => {
    const lockedCommit = lock.repositories[name]?.commit;
    const read = classes.repositories[name]?.commit;
    if (lockedCommit === read) return [];
    const problem =
      lockedCommit && read
        ? `was read at ${read.slice(0, 12)}, the node lock has ${lockedCommit.slice(0, 12)}.`
        : lockedCommit
          ? "is missing."
          : "is no longer in the node lock.";
    return [new UserError(`${nodeClassesPath}: ${name}`, problem, remedy)];
  });
}

/** ComfyUI-Manager's list, by repository; empty where it is not locked. */
async function readList(
  lock: NodeLock,
  mirrors: Readonly<Record<string, string>>,
  folder: string,
): Promise<ReturnType<typeof readManagerMap>> {
  const checkout = lock.repositories[managerName];
  if (!checkout) return { others: {}, patterns: {} };
  const remote = { name: managerName, location: mirrored(checkout.repository, mirrors) };
  const isList = (path: string) => path === managerMapFile;
  const texts = await fetchFiles(remote, checkout.commit, join(folder, "list"), isList);
  return readManagerMap(listOf(managerName, texts.get(managerMapFile)));
}

/** All of its Python, and the paths of all its files. */
async function fetchSources(
  name: string,
  { repository, commit }: NodeCheckout,
  mirrors: Readonly<Record<string, string>>,
  folder: string,
): Promise<{ sources: Record<string, string>; files: string[] }> {
  const files: string[] = [];
  const texts = await fetchFiles(
    { name, location: mirrored(repository, mirrors) },
    commit,
    folder,
    (path) => {
      files.push(path);
      return path.endsWith(".py");
    },
  );
  return { sources: Object.fromEntries(texts), files };
}

/** Python reads Python: see tools/lock/node_classes. It imports nothing of what it reads. */
async function readClasses(
  name: string,
  repository: { sources: Record<string, string>; files: string[]; listed: readonly string[] },
): Promise<Omit<ReadRepository, "commit" | "elsewhere">> {
  const result = await execa("python3", ["-W", "ignore", program], {
    input: JSON.stringify(repository),
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    reject: false,
  });
  if (!result.failed) return classScan.parse(JSON.parse(result.stdout));
  throw new UserError(
    name,
    `its node classes cannot be read: ${result.stderr.split("\n").at(-1) || result.shortMessage}.`,
    "Python 3.11 or newer has to be on PATH as python3.",
  );
}

function listOf(name: string, text: string | undefined): string {
  if (text !== undefined) return text;
  throw new UserError(name, `has no ${managerMapFile} at its commit.`, "Lock another ComfyUI-Manager.");
}
