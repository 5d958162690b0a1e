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
  let listed: ReturnType<typeof readManagerMap> = { others: {}, patterns: {} };
  let done = 0;
  try {
    for (const [name, checkout] of checkouts) {
      say(`${++done} of ${checkouts.length}, ${name}`);
      const sources = await fetchSources(name, checkout, mirrors, folder);
      const list = sources.get(managerMapFile);
      sources.delete(managerMapFile);
      repositories[name] = { commit: checkout.commit, ...(await readClasses(name, sources)) };
      if (name === managerName) listed = readManagerMap(listOf(name, list));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    repositories: Object.fromEntries(
      Object.entries(repositories).map(([name, repository]) => [
        name,
        withListed(repository, listed.others[name]),
      ]),
    ),
    manager: lock.repositories[managerName]?.commit ?? null,
    others: Object.fromEntries(Object.entries(listed.others).filter(([name]) => !(name in repositories))),
    patterns: listed.patterns,
  };
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

async function fetchSources(
  name: string,
  { repository, commit }: NodeCheckout,
  mirrors: Readonly<Record<string, string>>,
  folder: string,
): Promise<Map<string, string>> {
  return await fetchFiles(
    { name, location: mirrored(repository, mirrors) },
    commit,
    folder,
    (path) => path.endsWith(".py") || (name === managerName && path === managerMapFile),
  );
}

/** Python reads Python: see tools/lock/node_classes. It imports nothing of what it reads. */
async function readClasses(
  name: string,
  sources: ReadonlyMap<string, string>,
): Promise<Omit<ReadRepository, "commit">> {
  const result = await execa("python3", ["-W", "ignore", program], {
    input: JSON.stringify(Object.fromEntries(sources)),
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

/** The list also knows classes whose names the code computes. */
function withListed(repository: ReadRepository, listed: readonly string[] = []): ReadRepository {
  return { ...repository, classes: [...new Set([...repository.classes, ...listed])].sort() };
}
