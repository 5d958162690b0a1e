import { throwAll, UserError } from "../../errors.ts";
import {
  type CoolDown,
  coolDownPath,
  coolDownWords,
  newestAllowed,
  noCoolDown,
} from "../../lib/lock-making/cool-down.ts";
import {
  type IncompleteModel,
  type LockedModel,
  type ModelLock,
  modelLockPath,
  modelPath,
} from "../../lib/locks/model-lock.ts";
import type { ReportProgress } from "../program/progress.ts";
import type { FileFacts, SourceAccess } from "./ask.ts";
import { askSource } from "./ask-source.ts";

/** What the lock says of a size and hash that the source itself gave. */
const sizeAndHashOrigin = "size and sha256 asked at the source, by `npm run lock -- models`";
const sizeOrigin = "size asked at the source, by `npm run lock -- models`; sha256 as it was given";

/**
 * Asks the source of every model: what lacks its size or hash gets them and moves among those that can be built with,
 * and of all others it is checked that the source still serves the same file. Nothing is downloaded. All that fails is
 * told together.
 */
export async function lockModels(
  lock: ModelLock,
  asking: SourceAccess,
  say: ReportProgress = () => {},
): Promise<ModelLock> {
  const problems: UserError[] = [];
  const fresh: LockedModel[] = [];
  const all = [...lock.models, ...lock.incomplete];
  for (const [index, entry] of all.entries()) {
    say(`${index + 1} of ${all.length}, ${entry.name}`);
    try {
      const facts = await askSource(entry.url, asking);
      // Whoever gave the hash has looked at the file.
      if (entry.sha256 === null) refuseYoung(entry, facts, asking.coolDown);
      fresh.push(completed(entry, facts));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(new UserError(modelPath(entry), error.message, ""));
    }
  }
  throwAll(modelLockPath, problems);
  return { models: fresh, incomplete: [] };
}

/** A source without dates is believed: nobody can wait for what it does not say. */
function refuseYoung(entry: IncompleteModel, { changed }: FileFacts, coolDown: CoolDown = noCoolDown): void {
  const newest = newestAllowed(coolDown, modelPath(entry), Date.now());
  if (!newest || !changed || changed <= newest) return;
  throw new UserError(
    entry.url,
    `was put there on ${changed.toISOString().slice(0, 10)}, and the cool-down is ${coolDownWords(coolDown)}.`,
    `Give the sha256 of a file that you trust, name ${modelPath(entry)} in \`except\` of ${coolDownPath}, or wait.`,
  );
}

/** The entry with what the source says. Throws where that contradicts it or is not enough. */
function completed(entry: LockedModel | IncompleteModel, facts: FileFacts): LockedModel {
  const { url, licence } = entry;
  differs("sha256", entry.sha256, facts.sha256, url);
  differs("size", entry.size, facts.size, url);
  const sha256 = entry.sha256 ?? facts.sha256;
  const size = entry.size ?? facts.size;
  if (sha256 === null) {
    throw new UserError(
      url,
      "its source does not say its sha256.",
      "Copy the hash from the source's page into locks/models.json, or compute it from a file that you trust.",
    );
  }
  if (size === null)
    throw new UserError(url, "its source does not say its size.", "Give it in locks/models.json.");
  const { name, folder } = entry;
  const isConfirmed = facts.sha256 !== null && facts.size !== null;
  return {
    name,
    folder,
    licence: licence ?? facts.licence,
    source: isConfirmed ? sizeAndHashOrigin : facts.size === null ? entry.source : sizeOrigin,
    url: facts.url,
    size,
    sha256,
    gated: facts.gated ?? entry.gated,
  };
}

function differs<T>(what: string, locked: T | null, served: T | null, url: string): void {
  if (locked === null || served === null || locked === served) return;
  throw new UserError(
    url,
    `serves another file now: ${what} ${served}, the lock has ${locked}.`,
    "Name the commit that has the file in its address. To take the new one, remove size and sha256 in `incomplete`.",
  );
}

/** What moved between two locks, one line each. */
export function modelMoves(before: ModelLock, after: ModelLock): string[][] {
  const old = new Map([...before.models, ...before.incomplete].map((entry) => [modelPath(entry), entry]));
  return after.models.flatMap((entry) => {
    const path = modelPath(entry);
    const former = old.get(path);
    if (former && JSON.stringify(former) === JSON.stringify(entry)) return [];
    const what = former?.sha256 === entry.sha256 ? "source confirmed" : "hash filled in";
    return [[path, what, entry.sha256.slice(0, 12), String(entry.size)]];
  });
}
