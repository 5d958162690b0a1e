import type { LayerContext } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { parseSize } from "../size.ts";

/** Where a product comes from, as OCI labels say it. */
export interface ProductLabels {
  /** The repository's address; null when there is none. */
  readonly source: string | null;
  /** The last commit that changed an input, `-dirty` when there are changes since; null outside git. */
  readonly revision: string | null;
  /** ISO time of that commit, or of SOURCE_DATE_EPOCH where it is set. */
  readonly created: string;
}

/**
 * The product's Dockerfile: the system image, one linked copy for each stage, and the image configuration.
 * `COPY --link` makes each layer independent of what lies below it, so its digest is the stage's own. Bulk stages are
 * not copied, which would take their room twice more: their layers are joined to the image in the registry. Its labels
 * speak of the whole.
 */
export function productDockerfile(recipe: Recipe, context: LayerContext, labels: ProductLabels): string {
  const [system, ...stages] = recipe.layers.filter(({ bulk }) => !bulk);
  const runtime = recipe.runtime(context);
  const { command, startPeriodSeconds } = runtime.healthcheck;
  return [
    `FROM ${system?.name}`,
    ...stages.map(({ name }) => `COPY --link --from=${name} / /`),
    ...Object.entries(imageLabels(recipe, context, labels)).map(
      ([name, value]) => `LABEL ${name}=${quote(value)}`,
    ),
    ...Object.entries({ ...runtime.environment, ...hiddenCards(context) }).map(
      ([name, value]) => `ENV ${name}=${quote(value)}`,
    ),
    ...runtime.ports.map((port) => `EXPOSE ${port}`),
    `HEALTHCHECK --interval=30s --timeout=5s --start-period=${startPeriodSeconds}s CMD ${JSON.stringify(command)}`,
    `USER ${runtime.user}`,
    `ENTRYPOINT ${JSON.stringify(runtime.entrypoint)}`,
    "",
  ].join("\n");
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md, and what a GPU host has to know. */
function imageLabels(recipe: Recipe, context: LayerContext, labels: ProductLabels): Record<string, string> {
  const { generation, set } = context;
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
    ...(context.compression ? { "strata.compression": context.compression.kind } : {}),
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

/** A Dockerfile string: the three characters that mean something inside double quotes are escaped. */
function quote(value: string): string {
  return `"${value.replace(/[\\"$]/g, "\\$&")}"`;
}
