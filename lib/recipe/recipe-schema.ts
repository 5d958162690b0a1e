import { z } from "zod";
import type { ComfyUi, CustomNode, GitSource, NodeGroup } from "../comfyui/custom-nodes.ts";
import { attentionKernels, cudaVersions, pythonVersions } from "../gpu/compatibility.ts";
import type { Layer } from "./layer.ts";
import type { GitPackage, Recipe, RecipeDefaults, Resolution } from "./recipe.ts";

/** The keys of a type, each with a schema: a key that is forgotten or wrong does not compile. */
export type Shape<T> = { readonly [key in keyof Required<T>]: z.ZodType };

const text = z.string().min(1, "expected some text");
export const textList = z.array(text);
const call = z.custom((value) => typeof value === "function", "expected a function");
const componentName = text.regex(/^[a-z][a-z0-9-]*$/, "expected lower-case letters, digits and dashes");

export const layerSchema = z.strictObject({
  name: componentName,
  folder: text.optional(),
  root: text.regex(/^\//, "expected an absolute folder, such as import.meta.dirname").optional(),
  summary: text,
  role: z.enum(["system", "stage", "build"]).optional(),
  parents: call,
  dockerfile: call.optional(),
  shared: textList.optional(),
  args: call.optional(),
  pins: call.optional(),
  python: call.optional(),
  apt: call.optional(),
  environment: textList.optional(),
  lacks: call.optional(),
  included: call.optional(),
  generated: call.optional(),
  listed: call.optional(),
  owns: call.optional(),
  components: call.optional(),
  weight: call.optional(),
  bulk: z.boolean().optional(),
  cachesSteps: z.boolean().optional(),
  seldomChanges: z.boolean().optional(),
  onBase: z.boolean().optional(),
} satisfies Shape<Layer>);

const source = { repository: text, ref: text.optional() } satisfies Shape<GitSource>;
const reasons = z.record(z.string(), text);

export const customNodeSchema = z.strictObject({
  ...source,
  folder: text.optional(),
  requirements: textList.optional(),
  replace: z.record(z.string(), z.strictObject({ use: textList, reason: text })).optional(),
  omit: reasons.optional(),
  install: z
    .strictObject({
      reason: text,
      fetches: z.array(z.strictObject({ url: text, sha256: text, path: text })),
    })
    .optional(),
  knownFailure: text.optional(),
  needsGpu: text.optional(),
  pointers: text.optional(),
  disabled: text.optional(),
} satisfies Shape<CustomNode>);

/** A requirement that need not be met, as `verification` takes it. */
export const unmetRequirementSchema = z.strictObject({ distribution: text, requirement: text, reason: text });

const nodeGroup = z.strictObject({
  name: componentName,
  summary: text,
  nodes: z.array(customNodeSchema),
} satisfies Shape<NodeGroup>);

const gitPackage = z.strictObject({ ...source, requires: textList } satisfies Shape<GitPackage>);

const resolution = z.strictObject({
  additional: z.array(z.strictObject({ requirement: text, reason: text })).optional(),
  aliases: z.record(z.string(), z.strictObject({ of: text, reason: text })).optional(),
  gitPackages: z.record(z.string(), gitPackage).optional(),
} satisfies Shape<Resolution>);

const defaults = z.strictObject({
  base: text.optional(),
  python: z.enum(pythonVersions).optional(),
  cuda: z.enum(cudaVersions).optional(),
  attention: z.array(z.enum(attentionKernels)).optional(),
  buildTools: z.boolean().optional(),
  tags: textList.optional(),
} satisfies Shape<RecipeDefaults>);

const comfyui = z.strictObject({
  source: z.strictObject(source),
  groups: z.array(nodeGroup),
} satisfies Shape<ComfyUi>);

/** The fields of a recipe, for those that somebody wrote outside of strata: no compiler has looked at them. */
export const recipeShape = {
  name: componentName,
  summary: text,
  extends: text.optional(),
  layers: z.array(layerSchema).min(1, "expected at least the system layer"),
  buildLayers: z.array(layerSchema),
  licences: text,
  sizeBudget: text.regex(/^\d+(\.\d+)? ?[kMGT]?i?B$/i, "expected a size such as 6.5 GB"),
  runtime: call,
  comfyui: comfyui.optional(),
  resolution: resolution.optional(),
  defaults: defaults.optional(),
} satisfies Shape<Recipe>;

export const recipeSchema = z.strictObject(recipeShape);
