import type { LayerContext } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { type Compression, layerCompression } from "../registry/compression.ts";
import type { ProductSettings } from "../registry/product-settings.ts";
import { parseSize } from "../size.ts";
import { generatedFile } from "./context-files.ts";
import { fileInput, stageKey } from "./key.ts";
import { type PlanEntry, parentInputs, type Stage } from "./plan-stage.ts";

/** Where a product comes from, as OCI labels say it. */
export interface ProductLabels {
  /** The repository's address; null when there is none. */
  readonly source: string | null;
  /** The last commit that changed an input, `-dirty` when there are changes since; null outside git. */
  readonly revision: string | null;
  /** ISO time of that commit, or of SOURCE_DATE_EPOCH where it is set. */
  readonly created: string;
}

/** What the stages are put together to: the layers of its parents, in their order, and a configuration. */
export interface Product extends PlanEntry {
  readonly role: "product";
  readonly settings: ProductSettings;
  /** How a layer is packed that no stage has as it is needed. @default as in every stack that says nothing */
  readonly compression?: Compression;
}

/** Plans what the stages are put together to. @param file the recipe's, as people know it */
export function planProduct(
  recipe: Recipe,
  file: string,
  labels: ProductLabels,
  context: LayerContext,
  stages: readonly Stage[],
): Product {
  const parents = recipe.layers.map((layer) => layer.name);
  const settings = productSettings(recipe, context, labels);
  const counted = generatedFile("image.json", JSON.stringify(settings), `${file} (image configuration)`);
  const compression = layerCompression(context.compression, {});
  const inputs = { ...Object.fromEntries([fileInput(counted)]), ...parentInputs(parents, stages) };
  return {
    name: recipe.name,
    summary: recipe.summary,
    role: "product",
    parents,
    inputs,
    key: stageKey(recipe.name, inputs),
    settings,
    ...(compression ? { compression } : {}),
  };
}

/** How often a container is asked for its health, and how long it may take to answer. */
const healthcheck = { intervalSeconds: 30, timeoutSeconds: 5 };

/** What a product runs with and says of itself. Its labels speak of the whole image, models included. */
export function productSettings(
  recipe: Recipe,
  context: LayerContext,
  labels: ProductLabels,
): ProductSettings {
  const { user, environment, ports, entrypoint, healthcheck: health } = recipe.runtime(context);
  return {
    // As a builder writes it: without a fraction that is none.
    created: labels.created.replace(/\.0+Z$/, "Z"),
    labels: imageLabels(recipe, context, labels),
    environment: { ...environment, ...hiddenCards(context) },
    ports: [...ports],
    healthcheck: {
      command: [...health.command],
      ...healthcheck,
      startPeriodSeconds: health.startPeriodSeconds,
    },
    user,
    entrypoint: [...entrypoint],
  };
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md, and what a GPU host has to know. */
function imageLabels(recipe: Recipe, context: LayerContext, labels: ProductLabels): Record<string, string> {
  const { generation, set } = context;
  const compression = layerCompression(context.compression, {});
  return {
    "org.opencontainers.image.title": `${recipe.name} (${generation.name})`,
    "org.opencontainers.image.description": recipe.summary,
    "org.opencontainers.image.licenses": recipe.licences,
    "org.opencontainers.image.created": labels.created,
    "org.opencontainers.image.base.name": context.base.name,
    "org.opencontainers.image.base.digest": context.base.digest,
    ...(labels.source ? { "org.opencontainers.image.source": labels.source } : {}),
    ...(labels.revision ? { "org.opencontainers.image.revision": labels.revision } : {}),
    "strata.recipe": recipe.name,
    "strata.generation": generation.name,
    "strata.compute-capabilities": generation.computeCapabilities.join(","),
    "strata.cuda": set.cuda,
    "strata.minimum-driver": set.minimumDriver,
    "strata.layers": JSON.stringify(recipe.layers.slice(1).map(({ name }) => name)),
    "strata.size-budget": sizeBudget(recipe, context),
    ...(context.trim ? { "strata.trimmed": "true" } : {}),
    ...(compression ? { "strata.compression": compression.kind } : {}),
  };
}

/** Where all GPU code is gone, torch would find a card all the same, and fail on it instead of using the CPU. */
function hiddenCards({ trim, generation }: LayerContext): Record<string, string> {
  return trim && generation.computeCapabilities.length === 0 ? { CUDA_VISIBLE_DEVICES: "" } : {};
}

/** The recipe's budget is for what is not models; the size of those is known. */
function sizeBudget({ layers, sizeBudget: budget }: Recipe, { models }: LayerContext): string {
  const baked = models?.layers.filter(({ name }) => layers.some((layer) => layer.name === name)) ?? [];
  if (baked.length === 0) return budget;
  const bytes = baked.reduce((sum, layer) => sum + layer.bytes, parseSize(budget, "size budget"));
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
