import { type IncompleteModel, type LockedModel, type ModelLock, modelPath } from "../../locks/model-lock.ts";
import type { NeededFile, NeededNode, Needs } from "./analyse.ts";
import type { ClassIndex } from "./class-index.ts";
import type { ModelsReport } from "./report.ts";

type Entry = LockedModel | IncompleteModel;

/** Brings together what workflows need and what the model lock has; `unreadable` are files that are no workflow. */
export function compare(
  needs: Needs,
  lock: ModelLock,
  classes: ClassIndex,
  unreadable: ModelsReport["unreadable"] = [],
): ModelsReport {
  const entries = new Map<string, Entry>(
    [...lock.models, ...lock.incomplete].map((each) => [modelPath(each), each]),
  );
  const complete = new Set<Entry>(lock.models);
  const used = new Set<Entry>();
  const files = needs.files.map((file) => {
    const entry = entryOf(file, entries);
    if (entry) used.add(entry);
    return fileReport(file, entry, entry !== undefined && complete.has(entry), entries);
  });
  const nodes = needs.nodes.map((node) => nodeReport(node, classes));
  const all = [...entries.values()];
  const notNeeded = all.filter((entry) => !used.has(entry));
  const isComplete =
    files.every(({ state }) => state === "locked") &&
    nodes.every(({ state }) => state === "locked") &&
    needs.unresolved.length === 0 &&
    unreadable.length === 0;
  return {
    version: 1,
    workflows: needs.workflows.map(({ path, format, nodes: running, inactive }) => ({
      path,
      format,
      nodes: running.length,
      inactive,
    })),
    unreadable: [...unreadable],
    files,
    nodes,
    unresolved: needs.unresolved.map(({ node, problem }) => ({ node: { ...node }, problem })),
    unused: needs.unused.map((node) => ({ ...node })),
    notNeeded: notNeeded.map((entry) => ({ folder: entry.folder, name: entry.name, bytes: sizeOf(entry) })),
    bytes: {
      needed: sum(files.map(({ bytes }) => bytes)),
      catalogue: sum(all.map(sizeOf)),
      saved: sum(notNeeded.map(sizeOf)),
      unknown: files.filter(({ bytes }) => bytes === null).length,
    },
    verdict: isComplete ? "complete" : "incomplete",
  };
}

/** The lock's entry for a file: at one of the places where ComfyUI looks, else one that the node takes in its place. */
function entryOf(
  { folders, name, like }: NeededFile,
  entries: ReadonlyMap<string, Entry>,
): Entry | undefined {
  const paths = folders.map((folder) => `${folder}/${name}`);
  const exact = paths.map((path) => entries.get(path)).find((entry) => entry !== undefined);
  if (exact) return exact;
  const isTaken = (path: string) => {
    const folder = folders.find((each) => path.startsWith(`${each}/`));
    if (folder !== undefined && like?.test(path.slice(folder.length + 1))) return true;
    // With any ending where the node names none.
    return !/\.\w+$/.test(name) && paths.includes(path.replace(/\.\w+$/, ""));
  };
  return [...entries].find(([path]) => isTaken(path))?.[1];
}

function fileReport(
  file: NeededFile,
  entry: Entry | undefined,
  isLocked: boolean,
  entries: ReadonlyMap<string, Entry>,
): ModelsReport["files"][number] {
  const last = (name: string) => name.split("/").at(-1);
  const elsewhere = entry ? undefined : [...entries].find(([path]) => last(path) === last(file.name))?.[0];
  return {
    folder: entry?.folder ?? file.folders[0],
    name: entry?.name ?? file.name,
    state: entry === undefined ? "missing" : isLocked ? "locked" : "incomplete",
    bytes: entry ? sizeOf(entry) : null,
    isRough: entry !== undefined && entry.size === null,
    url: entry?.url ?? file.url,
    sha256: entry ? entry.sha256 : file.sha256,
    elsewhere: elsewhere ?? null,
    askedBy: file.askedBy.map((place) => ({ ...place })),
  };
}

function nodeReport(node: NeededNode, classes: ClassIndex): ModelsReport["nodes"][number] {
  const { type, repository, candidates, problem, usedBy } = node;
  const state = repository === null ? "unknown" : classes.isLocked(repository) ? "locked" : "known";
  return {
    type,
    repository,
    state,
    candidates: [...candidates],
    problem,
    usedBy: usedBy.map((each) => ({ ...each })),
  };
}

function sizeOf(entry: Entry): number | null {
  return entry.size ?? ("about" in entry ? entry.about : undefined) ?? null;
}

function sum(sizes: readonly (number | null)[]): number {
  return sizes.reduce<number>((total, size) => total + (size ?? 0), 0);
}
