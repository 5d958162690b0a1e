import { z } from "zod";
import { throwAll, UserError } from "../errors.ts";
import { nodeGroup } from "../layers/nodes/layer.ts";
import { packageGroup } from "../layers/packages/layer.ts";
import { type UnmetRequirement, verification } from "../layers/verify/layer.ts";
import type { CustomNode, NodeGroup } from "../lib/comfyui/custom-nodes.ts";
import type { Layer, LayerContext } from "../lib/recipe/layer.ts";
import { joinResolutions, type Recipe, type Resolution } from "../lib/recipe/recipe.ts";
import {
  customNodeSchema,
  layerSchema,
  recipeShape,
  type Shape,
  textList,
  unmetRequirementSchema,
} from "../lib/recipe/recipe-schema.ts";
import { parseWithSchema } from "../lib/schema-errors.ts";

export type { Recipe } from "../lib/recipe/recipe.ts";
export { node } from "./comfyui-nodes.ts";

/** What an external recipe adds to the one that it extends. */
export interface Extension extends Pick<Recipe, "name"> {
  readonly summary?: string;
  /** Python requirements, in a stage of their own: what the base has already stays where it is. */
  readonly packages?: readonly string[];
  /** Custom nodes of ComfyUI, a group of their own; what they require goes where `packages` go. */
  readonly nodes?: readonly CustomNode[];
  /** Layers of its own, on top of all but the last one. */
  readonly layers?: readonly Layer[];
  /** Remedies beside those of the base. */
  readonly resolution?: Resolution;
  /** Requirements that need not be met, the base's included. */
  readonly unmet?: readonly UnmetRequirement[];
  readonly licences?: string;
  /** @default the base's, so set it where much is added */
  readonly sizeBudget?: string;
  /** Each of them in place of the base's. */
  readonly defaults?: Recipe["defaults"];
}

const schema = z.strictObject({
  name: recipeShape.name,
  summary: recipeShape.summary.optional(),
  packages: textList.optional(),
  nodes: z.array(customNodeSchema).optional(),
  layers: z.array(layerSchema).optional(),
  resolution: recipeShape.resolution,
  unmet: z.array(unmetRequirementSchema).optional(),
  licences: recipeShape.licences.optional(),
  sizeBudget: recipeShape.sizeBudget.optional(),
  defaults: recipeShape.defaults,
} satisfies Shape<Extension>);

/** A recipe on top of another one. The base's stages stay what they are, so nothing of it is built again. */
export function extendRecipe(base: Recipe, extension: Extension): Recipe {
  parseWithSchema(
    schema,
    extension,
    (keys) => ["extendRecipe", ...keys.map(String)].join("."),
    "extendRecipe",
  );
  throwAll(`recipe ${extension.name}`, problems(base, extension));
  const { name, nodes = [], packages = [], resolution = {} } = extension;
  const group: NodeGroup = { name, summary: `the nodes of ${name}`, nodes };
  const added = addedLayers(group, packages, extension.layers ?? []);
  const last = base.layers.slice(-1);
  const layers = [...base.layers.slice(0, -1).map((layer) => withoutGroup(layer, name)), ...added, ...last];
  return {
    ...base,
    name,
    extends: base.name,
    summary: extension.summary ?? `${base.summary}; extended`,
    layers,
    buildLayers: base.buildLayers.map((layer) =>
      layer.name === "verify" ? verification(layers, extension.unmet) : layer,
    ),
    licences: extension.licences ?? base.licences,
    sizeBudget: extension.sizeBudget ?? base.sizeBudget,
    ...(base.comfyui ? { comfyui: { ...base.comfyui, groups: [...base.comfyui.groups, group] } } : {}),
    resolution: joinResolutions(base.resolution ?? {}, resolution),
    defaults: { ...base.defaults, ...extension.defaults },
  };
}

/** The stages that an extension adds. */
function addedLayers(group: NodeGroup, packages: readonly string[], more: readonly Layer[]): Layer[] {
  const { name, nodes } = group;
  const python = packageGroup(
    `${name}-packages`,
    `the packages of ${name} and of its nodes: a change rebuilds nothing of the base`,
    ({ comfyui }) => [
      ...packages,
      ...(comfyui?.nodes ?? [])
        .filter((node) => node.group === name)
        .flatMap(({ requirements }) => requirements.map(({ line }) => line)),
    ],
  );
  const files = nodeGroup(group);
  const withPackages: Layer = {
    ...files,
    parents: (context) => {
      const parents = files.parents(context);
      // Where an install.py runs, it may import what its node requires.
      return parents.length > 1 ? [...parents, python.name] : parents;
    },
  };
  return [
    ...(packages.length + nodes.length > 0 ? [python] : []),
    ...(nodes.length > 0 ? [withPackages] : []),
    ...more,
  ];
}

/** A layer that does not see the nodes of a group: its packages stay those of the base. */
function withoutGroup(layer: Layer, group: string): Layer {
  const { python } = layer;
  if (!python) return layer;
  const without = (context: LayerContext): LayerContext =>
    context.comfyui
      ? {
          ...context,
          comfyui: {
            ...context.comfyui,
            nodes: context.comfyui.nodes.filter((node) => node.group !== group),
          },
        }
      : context;
  return { ...layer, python: (context) => python(without(context)) };
}

function problems(base: Recipe, { name, nodes = [] }: Extension): UserError[] {
  const groups = base.comfyui?.groups.map((group) => group.name) ?? [];
  return [
    ...(name === base.name
      ? [new UserError("name", `is that of the recipe it extends, ${name}.`, "Choose another.")]
      : []),
    ...(groups.includes(name)
      ? [
          new UserError(
            "name",
            `${name} is a group of nodes of ${base.name}.`,
            "Choose another: its own nodes are called by it.",
          ),
        ]
      : []),
    ...(nodes.length > 0 && !base.comfyui
      ? [
          new UserError(
            "nodes",
            `${base.name} has no ComfyUI.`,
            "Extend studio or megapak, or remove the nodes.",
          ),
        ]
      : []),
  ];
}
