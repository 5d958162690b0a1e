import { type IncompleteModel, type LockedModel, type ModelLock, modelPath } from "../locks/model-lock.ts";
import type { FoundModel, LeftOut } from "./inventory.ts";

/** Where the models of an import go. */
export interface MatchedModels {
  /** Paths for the recipe's list, in strata's lock or in its own. */
  readonly paths: readonly string[];
  /** What strata's lock does not have, or has otherwise: the lock beside the recipe. */
  readonly own: ModelLock;
  readonly left: readonly LeftOut[];
}

/** Looks for each model among those that strata knows: by its hash, by its address, and by its path where it has neither. */
export function matchModels(
  found: readonly FoundModel[],
  catalogue: ModelLock,
  source: string,
): MatchedModels {
  const known = [...catalogue.models, ...catalogue.incomplete];
  const paths: string[] = [];
  const own: { models: LockedModel[]; incomplete: IncompleteModel[] } = { models: [], incomplete: [] };
  const left: LeftOut[] = [];
  for (const model of found) {
    const path = modelPath(model);
    const here = known.find((entry) => modelPath(entry) === path);
    const same = known.find((entry) => isSame(model, entry));
    if (here && (here === same || isByPath(model, here) || isSameAddress(model, here))) paths.push(path);
    else if (same) {
      // The same file by another name, or in another folder: ComfyUI has to find it where this one says.
      paths.push(path);
      const entry = { ...same, folder: model.folder, name: model.name };
      if (isComplete(entry)) own.models.push(entry);
      else own.incomplete.push(entry);
    } else if (model.url !== null) {
      paths.push(path);
      addNew(model, model.url, source, own);
    } else left.push({ what: `model ${path}`, reason: unknownReason(model, here !== undefined) });
  }
  return { paths: [...new Set(paths)].sort(), own, left };
}

function isSame({ sha256, url }: FoundModel, entry: LockedModel | IncompleteModel): boolean {
  if (sha256 !== null && entry.sha256 !== null) return entry.sha256.startsWith(sha256);
  return url !== null && entry.url === url;
}

function isSameAddress({ sha256, url }: FoundModel, entry: LockedModel | IncompleteModel): boolean {
  return sha256 === null && url === entry.url;
}

/** A source that says neither hash nor address means the file of that path, unless it has another size. */
function isByPath({ sha256, url, size }: FoundModel, entry: LockedModel | IncompleteModel): boolean {
  return sha256 === null && url === null && (size === null || entry.size === null || size === entry.size);
}

function addNew(
  { folder, name, url, sha256, size }: FoundModel,
  address: string,
  source: string,
  own: ModelLock,
): void {
  const entry = {
    folder,
    name,
    url: address,
    licence: null,
    gated: null,
    source: `said by ${source}; its host was not asked`,
  };
  const isWhole = sha256?.length === 64;
  if (url !== null && isWhole && size !== null) own.models.push({ ...entry, size, sha256 });
  else own.incomplete.push({ ...entry, size, sha256: isWhole ? sha256 : null });
}

function isComplete(entry: LockedModel | IncompleteModel): entry is LockedModel {
  return entry.size !== null && entry.sha256 !== null && !("about" in entry);
}

function unknownReason({ sha256 }: FoundModel, isKnownPath: boolean): string {
  const nowhere = "nothing says where it is to be had";
  if (sha256 !== null) return `${nowhere}, and strata knows no file with the sha256 ${sha256}`;
  return isKnownPath
    ? `is not the file that strata knows at this path: its size is another; ${nowhere}`
    : `${nowhere}; name its address in locks/models.json beside the recipe`;
}
