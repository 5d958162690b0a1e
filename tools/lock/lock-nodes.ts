import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { type CoolDown, coolDownWords, newestAllowed, noCoolDown } from "../../lib/lock-making/cool-down.ts";
import {
  describeSource,
  isOfInterest,
  packageVersion,
  pipCalls,
  pointersOf,
} from "../../lib/lock-making/node-source.ts";
import type { GitSources, NamedGitSource } from "../../lib/lock-making/node-sources.ts";
import { chooseRequirementFiles, type Files } from "../../lib/lock-making/requirement-files.ts";
import { parseGitmodules } from "../../lib/lock-making/submodules.ts";
import type { LockedGitPackage, NodeCheckout, NodeLock } from "../../lib/locks/node-lock.ts";
import { mirrored } from "../../lib/mirrors.ts";
import type { ReportProgress } from "../program/progress.ts";
import { type FetchedCommit, fetchCommit, resolveRef } from "./git.ts";
import { settledCommit } from "./settled-commit.ts";

/** How many repositories are read at the same time: more would only annoy their servers. */
const AT_ONCE = 4;

/** What reading repositories needs to know. */
interface Reading {
  readonly mirrors: Readonly<Record<string, string>>;
  /** Where repositories are put while they are read. */
  readonly folder: string;
  readonly coolDown: CoolDown;
  readonly now: number;
}

/** Looks every source up and reads it at its commit; all that fails is told together. */
export async function lockNodes(
  { repositories, packages }: GitSources,
  mirrors: Readonly<Record<string, string>>,
  say: ReportProgress = () => {},
  coolDown: CoolDown = noCoolDown,
): Promise<NodeLock> {
  const folder = await mkdtemp(join(tmpdir(), "strata-nodes-"));
  const problems: UserError[] = [];
  const total = repositories.length + packages.length;
  let done = 0;
  const each = async <T>(
    sources: readonly NamedGitSource[],
    read: (source: NamedGitSource) => Promise<T>,
  ) => {
    const entries = await inParallel(AT_ONCE, sources, async (source): Promise<[string, T][]> => {
      try {
        return [[source.name, await read(source)]];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problems.push(error);
        return [];
      } finally {
        say(`${++done} of ${total}, ${source.name}`);
      }
    });
    return Object.fromEntries(entries.flat());
  };
  try {
    const reading = { mirrors, folder, coolDown, now: Date.now() };
    const words = coolDownWords(coolDown);
    const lock = {
      ...(words === undefined ? {} : { coolDown: words }),
      repositories: await each(repositories, (source) => lockNode(source, reading)),
      packages: await each(packages, (source) => lockPackage(source, reading)),
    };
    throwAll("locks/nodes.json", problems);
    return lock;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function lockNode(source: NamedGitSource, reading: Reading): Promise<NodeCheckout> {
  const { name, repository, ref } = source;
  const { commit, fetched } = await lookUp(source, reading);
  const files = await textsOf(fetched);
  const chosen = chooseRequirementFiles(
    name,
    fetched.entries.map(({ path }) => path),
    source.requirements,
  );
  const description = describeFiles(name, files, chosen);
  const below = await submodulesOf(source, fetched, files, reading);
  const gone = source.omit?.filter((path) => !below.omitted.includes(path)) ?? [];
  if (gone.length > 0) {
    throw new UserError(name, `has no submodule ${gone.join(", ")}.`, "Remove it from `omit` in the recipe.");
  }
  return {
    repository,
    ref,
    commit,
    ...description,
    submodules: below.submodules.sort((a, b) => (a.path < b.path ? -1 : 1)),
    pointers: [...description.pointers, ...below.pointers].sort(),
    warnings: [...description.warnings, ...below.warnings],
  };
}

/** What fails in a file is said of the node that has it: many have a requirements.txt. */
function describeFiles(name: string, files: Files, chosen: readonly string[]) {
  try {
    return describeSource(files, chosen);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${name} ${error.path}`, error.problem, error.remedy);
  }
}

async function lockPackage(source: NamedGitSource, reading: Reading): Promise<LockedGitPackage> {
  const { name, repository, ref } = source;
  const { commit, fetched } = await lookUp(source, reading);
  const version = packageVersion(await textsOf(fetched));
  if (version) return { repository, ref, commit, version };
  throw new UserError(
    name,
    `says its version nowhere in ${repository} at ${commit.slice(0, 12)}.`,
    "Name a tag or branch whose pyproject.toml, setup.py or setup.cfg has a version.",
  );
}

async function lookUp({ name, repository, ref }: NamedGitSource, reading: Reading) {
  const { mirrors, folder, coolDown, now } = reading;
  const remote = { name, location: mirrored(repository, mirrors) };
  const newest = newestAllowed(coolDown, name, now);
  const commit = newest ? await settledCommit(remote, ref, newest, folder) : await resolveRef(remote, ref);
  return { commit, fetched: await fetchCommit(remote, commit, folder) };
}

async function textsOf(fetched: FetchedCommit): Promise<Files> {
  return await fetched.read(fetched.entries.filter(isOfInterest));
}

/** What submodules add to their repository, paths below it. */
interface Below extends Pick<NodeCheckout, "submodules" | "pointers" | "warnings"> {
  readonly omitted: string[];
}

/** Submodules and theirs. Each is fetched too: its commit has to be there, and so has the content of its files. */
async function submodulesOf(
  parent: Pick<NamedGitSource, "name" | "repository" | "omit">,
  { entries }: FetchedCommit,
  files: Files,
  reading: Reading,
  prefix = "",
): Promise<Below> {
  const named = parseGitmodules(files.get(".gitmodules") ?? "", parent.repository);
  const nested: Below = { submodules: [], pointers: [], warnings: [], omitted: [] };
  // .gitmodules may name more than there is: what git has at the commit decides.
  for (const { path: relativePath, object: commit } of entries.filter(({ size }) => size === null)) {
    const path = `${prefix}${relativePath}`;
    if (parent.omit?.includes(path)) {
      nested.omitted.push(path);
      continue;
    }
    const repository = named.find((submodule) => submodule.path === relativePath)?.repository;
    if (!repository) {
      nested.warnings.push(`${path} is a submodule without an address in .gitmodules, and is left out`);
      continue;
    }
    const name = prefix === "" ? `${parent.name} ${path}` : parent.name;
    const fetched = await fetchCommit(
      { name, location: mirrored(repository, reading.mirrors) },
      commit,
      reading.folder,
    );
    const texts = await textsOf(fetched);
    const below = await submodulesOf({ ...parent, name, repository }, fetched, texts, reading, `${path}/`);
    nested.submodules.push({ path, repository, commit }, ...below.submodules);
    nested.pointers.push(...pointersOf(texts).map((file) => `${path}/${file}`), ...below.pointers);
    nested.warnings.push(...pipCalls(texts).map((warning) => `${path}/${warning}`), ...below.warnings);
    nested.omitted.push(...below.omitted);
  }
  return nested;
}
