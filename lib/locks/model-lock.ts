import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";
import { didYouMean } from "../schema-errors.ts";
import { parseLockFile } from "./lock-file.ts";

const safePath = /^(?!\/)(?!.*(^|\/)\.{1,2}(\/|$))(?!.*\/\/)[^\p{Cc}\\]*[^\p{Cc}\\/]$/u;

const name = z.string().regex(safePath, "expected a file name, or a path below the folder");
const folder = z
  .string()
  .regex(safePath, "expected a path below ComfyUI's folder")
  .regex(/^(models|custom_nodes)\//, "expected a folder below models/ or custom_nodes/");
const url = z
  .string()
  .regex(/^https:\/\/[^\s\p{Cc}/@]+\/[^\s\p{Cc}]+$/u, "expected an https address without a login")
  // CivitAI's own guide puts the key there; a signature is good for hours.
  .regex(
    /^(?![^#]*[?&](?:token|access_token|api_?key|x-(?:amz|goog)-signature)=)/i,
    "expected an address without a key or signature in it: everybody sees the lock; HF_TOKEN and CIVITAI_TOKEN go beside it",
  );
const size = z.int().positive();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a sha256 has 64 hex digits in lower case");

const described = {
  /** File name, or a path below the folder. */
  name,
  /** Below ComfyUI's folder: `models/vae`. */
  folder,
  /** SPDX, or the word that the source uses; null where it states none. */
  licence: z.string().min(1).nullable(),
  /** How size and hash came to be known. */
  source: z.string().min(1),
};

const model = z.strictObject({
  ...described,
  url,
  /** Bytes. */
  size,
  sha256,
  /** Whether the source gives it only to those who accepted its licence; null where nobody has asked it. */
  gated: z.boolean().nullable(),
});

const incompleteModel = z.strictObject({
  ...described,
  url,
  size: size.nullable(),
  sha256: sha256.nullable(),
  gated: z.boolean().nullable(),
  /** Bytes, roughly: for sums only. */
  about: size.optional(),
});

const schema = z.strictObject({
  /** What can be built with. */
  models: z.array(model),
  /** What is wanted and not known in full: refused in builds until `npm run lock -- models` has filled it in. */
  incomplete: z.array(incompleteModel),
});

export type ModelLock = z.infer<typeof schema>;
export type LockedModel = z.infer<typeof model>;
export type IncompleteModel = z.infer<typeof incompleteModel>;

/** Where it lies, below the repository. */
export const modelLockPath = "locks/models.json";

/** Where a model belongs, below ComfyUI's folder: what it is called everywhere. */
export function modelPath({ folder, name }: { readonly folder: string; readonly name: string }): string {
  return `${folder}/${name}`;
}

/** Reads `locks/models.json`. Throws all that is wrong with it. */
export function parseModelLock(text: string, path = modelLockPath): ModelLock {
  const lock = parseLockFile(schema, text, path);
  const all = [...lock.models, ...lock.incomplete].map(modelPath);
  throwAll(
    path,
    [...new Set(all.filter((each, index) => all.indexOf(each) !== index))].map(
      (each) => new UserError(`${path}: ${each}`, "is there twice.", "Keep one of the entries."),
    ),
  );
  return lock;
}

/** Two locks as one; what `overrides` has at a path counts. */
export function joinModelLocks(base: ModelLock, overrides: ModelLock): ModelLock {
  const own = new Set([...overrides.models, ...overrides.incomplete].map(modelPath));
  const others = <T extends LockedModel | IncompleteModel>(entries: readonly T[]) =>
    entries.filter((entry) => !own.has(modelPath(entry)));
  return {
    models: [...others(base.models), ...overrides.models],
    incomplete: [...others(base.incomplete), ...overrides.incomplete],
  };
}

/** The text of `locks/models.json`: entries by folder and name. */
export function formatModelLock(lock: ModelLock): string {
  const { models, incomplete } = schema.parse(lock);
  return `${JSON.stringify({ models: models.sort(byPath), incomplete: incomplete.sort(byPath) }, null, 2)}\n`;
}

/** The models at `paths`, with everything that a build needs. Throws for all that the lock does not have in full. */
export function lockedModels(paths: readonly string[], lock: ModelLock): LockedModel[] {
  const complete = new Map(lock.models.map((each) => [modelPath(each), each]));
  const incomplete = new Map(lock.incomplete.map((each) => [modelPath(each), each]));
  const problems = paths.flatMap((path) => {
    if (complete.has(path)) return [];
    const unhashedModel = incomplete.get(path);
    return [unhashedModel ? unknownHash(path, unhashedModel) : notLocked(path, [...complete.keys()])];
  });
  throwAll(modelLockPath, problems);
  return paths.flatMap((path) => complete.get(path) ?? []);
}

/** What the fetcher is told of `models`: nothing that does not decide their bytes, so that a licence rebuilds no stage. */
export function fetchManifest(models: readonly LockedModel[]): string {
  const entries = models.map(({ name, folder, url, size, sha256, gated }) => ({
    name,
    folder,
    url,
    size,
    sha256,
    gated: gated === true,
  }));
  return `${JSON.stringify({ models: entries }, null, 2)}\n`;
}

function unknownHash(path: string, { url: address, sha256: hash }: IncompleteModel): UserError {
  return new UserError(
    `${modelLockPath}: ${path}`,
    `${hash ? "size" : "hash"} unknown.`,
    `Run \`npm run lock -- models\` on a machine that reaches ${new URL(address).host}.`,
  );
}

function notLocked(path: string, lockedPaths: readonly string[]): UserError {
  return new UserError(
    `${modelLockPath}: ${path}`,
    "is not there.",
    didYouMean(path, lockedPaths) ||
      "Add it to `incomplete` with its folder, name and address, and run `npm run lock -- models`.",
  );
}

function byPath(a: { folder: string; name: string }, b: { folder: string; name: string }): number {
  return modelPath(a) < modelPath(b) ? -1 : 1;
}
