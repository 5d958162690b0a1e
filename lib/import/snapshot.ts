import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { isCommit } from "../lock-making/hub-address.ts";
import { type FoundNode, type Inventory, type LeftOut, nothing } from "./inventory.ts";
import { isRegistryName, isVersion, repositoryAddress, requirementProblem, shownText } from "./safe-names.ts";
import { lockModelsSchema, modelsOfLock, modelsOfPack, packModelsSchema } from "./snapshot-models.ts";

/**
 * What ComfyUI-Manager writes of an installation (`get_current_snapshot` in its manager_core.py; versions 2 to 4 write
 * the same, 2 without `cnr_custom_nodes`), and what comfy-pack makes of it (`_write_snapshot` in its nodes/api.py).
 */
const manager = z.object({
  comfyui: z.string().nullish(),
  git_custom_nodes: z
    .record(z.string(), z.object({ hash: z.string().nullish(), disabled: z.boolean().nullish() }))
    .nullish(),
  cnr_custom_nodes: z.record(z.string(), z.string()).nullish(),
  file_custom_nodes: z
    .array(z.union([z.string(), z.object({ filename: z.string(), disabled: z.boolean().nullish() })]))
    .nullish(),
  pips: z.union([z.record(z.string(), z.string().nullable()), z.array(z.string())]).nullish(),
});

const pack = z.object({
  python: z.string().nullish(),
  models: packModelsSchema.nullish(),
  /** Of comfy-pack's first versions, in place of Manager's own keys. */
  custom_nodes: z
    .array(z.object({ url: z.string(), commit_hash: z.string().nullish(), disabled: z.boolean().nullish() }))
    .nullish(),
});

/** comfy-cli's lock: a snapshot of Manager's below `custom_nodes`, and models (its README, "format of comfy-lock.yaml"). */
const comfyLock = z.object({ custom_nodes: manager.nullish(), models: lockModelsSchema.nullish() });

/** ComfyUI's own single files below `custom_nodes`. */
const ofComfyUi = ["websocket_image_save.py", "example_node.py.example"];

/** Whether an object looks like one of these files. */
export function isSnapshot(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = ["git_custom_nodes", "cnr_custom_nodes", "file_custom_nodes", "custom_nodes"];
  return keys.some((key) => key in value);
}

/** Reads a snapshot of Manager's as JSON or YAML, comfy-pack's `snapshot.json`, or comfy-cli's lock. */
export function readSnapshot(text: string, path: string): Inventory {
  const value = parsedText(text, path);
  const isNested = (value as { custom_nodes?: unknown }).custom_nodes;
  const isOfCli = !Array.isArray(isNested) && (isNested !== undefined || /\.ya?ml$/i.test(path));
  if (isOfCli && !("git_custom_nodes" in value)) {
    const { custom_nodes: nodes, models } = fitting(comfyLock, value, path);
    const [inventory, found] = [ofManager(nodes ?? {}), modelsOfLock(models ?? [])];
    return { ...inventory, models: found.models, left: [...inventory.left, ...found.left] };
  }
  const [snapshot, more] = [fitting(manager, value, path), fitting(pack, value, path)];
  const from = ofManager(snapshot);
  const older = (more.custom_nodes ?? []).map(({ url, commit_hash: hash, disabled }) =>
    gitNode(url, hash ?? null, disabled ?? false),
  );
  const models = modelsOfPack(more.models ?? []);
  return {
    ...from,
    python: more.python ?? null,
    nodes: [...from.nodes, ...older.filter((each) => "origin" in each)],
    models: models.models,
    left: [...from.left, ...older.filter((each) => "what" in each), ...models.left],
  };
}

function parsedText(text: string, path: string): object {
  try {
    const value: unknown = path.endsWith(".json") ? JSON.parse(text.replace(/^\uFEFF/, "")) : parse(text);
    if (isSnapshot(value) || isLockOfModels(value)) return value as object;
  } catch (error) {
    throw new UserError(
      path,
      `cannot be read: ${shownText((error as Error).message.split("\n")[0] ?? "")}.`,
      "",
    );
  }
  throw new UserError(
    path,
    "is no snapshot of ComfyUI-Manager, no comfy-lock.yaml and no snapshot.json of comfy-pack.",
    "It has none of git_custom_nodes, cnr_custom_nodes and custom_nodes.",
  );
}

function isLockOfModels(value: unknown): boolean {
  return typeof value === "object" && value !== null && Array.isArray((value as { models?: unknown }).models);
}

function fitting<T>(schema: z.ZodType<T>, value: object, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path: keys = [], message = "" } = result.error.issues[0] ?? {};
  throw new UserError(`${path}: ${shownText(keys.map(String).join("."))}`, `${message}.`, "");
}

function ofManager(snapshot: z.infer<typeof manager>): Inventory {
  const { comfyui, git_custom_nodes: git, cnr_custom_nodes: cnr, file_custom_nodes: files, pips } = snapshot;
  const found = [
    ...Object.entries(git ?? {}).map(([url, { hash, disabled }]) =>
      gitNode(url, hash ?? null, disabled ?? false),
    ),
    ...Object.entries(cnr ?? {}).map(([name, version]) => registryNode(name, version)),
  ];
  const packages = installedPackages(pips ?? {});
  const isPinned = typeof comfyui === "string" && isCommit(comfyui);
  return {
    ...nothing,
    comfyui: isPinned ? { repository: "https://github.com/Comfy-Org/ComfyUI", ref: comfyui } : null,
    nodes: found.filter((each) => "origin" in each),
    installed: packages.installed,
    left: [
      ...found.filter((each) => "what" in each),
      ...(files ?? []).flatMap(singleFile),
      ...packages.left,
      ...(comfyui && !isPinned
        ? [{ what: `ComfyUI ${shownText(comfyui)}`, reason: "is no full commit" }]
        : []),
    ],
  };
}

function gitNode(url: string, hash: string | null, disabled: boolean): FoundNode | LeftOut {
  const repository = repositoryAddress(url);
  const what = `node ${shownText(url)}`;
  if (repository === null) return { what, reason: "its address is none that an image can be built from" };
  if (hash !== null && !isCommit(hash)) return { what, reason: `"${shownText(hash)}" is no full commit` };
  return { origin: { repository, ref: hash }, disabled, folder: null };
}

/** A node of Comfy's registry, as files name it. */
export function registryNode(name: string, version: string | null): FoundNode | LeftOut {
  const what = `node ${shownText(name)}${version ? `@${shownText(version)}` : ""}`;
  const isNamed = isRegistryName(name) && (version === null || isVersion(version));
  if (!isNamed) return { what, reason: "is no name and version of Comfy's registry" };
  return { origin: { registry: name, version, repository: null }, disabled: false, folder: null };
}

type SingleFile = string | { readonly filename: string; readonly disabled?: boolean | null | undefined };

/** A node that is one file: no repository holds it. */
export function singleFile(file: SingleFile): LeftOut[] {
  const name = typeof file === "string" ? file : file.filename;
  if (ofComfyUi.includes(name) || (typeof file !== "string" && file.disabled)) return [];
  return [
    {
      what: `node ${shownText(name)}`,
      reason: "is a single file in no repository; put it into a layer of your own (docs/external-recipe.md)",
    },
  ];
}

/** The form of `pip freeze`: `name==version` as a key, an address as its value. */
function installedPackages(pips: Record<string, string | null> | readonly string[]) {
  const entries = Array.isArray(pips) ? pips.map((line) => [line, ""]) : Object.entries(pips);
  const left: LeftOut[] = [];
  const installed: string[] = [];
  for (const [line = "", address] of entries as [string, string | null][]) {
    if (address) {
      const reason =
        "was installed from an address, which nothing pins; name its package or a git package in the recipe";
      left.push({ what: `package ${shownText(line)}`, reason });
    } else if (/^[\w.-]+==[\w.+!-]+$/.test(line.trim()) && requirementProblem(line) === undefined) {
      installed.push(line.trim());
    }
  }
  return { installed, left };
}
