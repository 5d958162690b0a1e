import type { BuilderGpu } from "../hosts/builder-gpu.ts";
import {
  layerProblems,
  oversized,
  type RegistryKind,
  registryLimits,
  type SizedLayer,
  slowestUpload,
} from "../registry/limits.ts";
import type { EngineAnswer, PlannedStack } from "./preview-schema.ts";
import type { PreviousStack } from "./preview-stack.ts";
import { listed } from "./words.ts";

/** Bytes a second that many lines do not have upwards. */
const FAST = 10e6;
/** Names that are told of each kind. */
const SHOWN = 6;

/**
 * What a registry would refuse, by what is known of sizes: the stage's earlier builds, or the size that it has. It is a
 * note and not an error, as the next build may come out smaller. The product's layers are the stages' own.
 *
 * @param shared stages that come as several layers
 */
export function limitNotes(
  { stages }: Pick<PlannedStack, "stages">,
  previous: PreviousStack,
  kinds: readonly RegistryKind[],
  shared: readonly string[] = [],
): string[] {
  const former = new Map(previous.stages.map(({ name, bytes }) => [name, bytes]));
  // Only these are one layer each; of several by the sizes of wheels none is near a limit.
  const layers = stages
    .filter(({ role, verdict, name }) => role === "stage" && verdict !== "remove" && !shared.includes(name))
    .flatMap(({ name, expected }): SizedLayer[] => {
      const bytes = expected?.bytes ?? former.get(name) ?? null;
      return bytes === null ? [] : [{ name, bytes }];
    });
  return [
    ...layerProblems(
      layers,
      kinds,
      (otherRegistry) => `Its push would fail: split the layer. Or ${otherRegistry}.`,
    ).map(({ message }) => message),
    ...[...new Set(kinds)].flatMap((kind) => slowUploads(layers, kind)),
  ];
}

function slowUploads(layers: readonly SizedLayer[], kind: RegistryKind): string[] {
  const { title, uploadSeconds } = registryLimits[kind];
  const refused = oversized(layers, kind);
  return layers.flatMap((layer) => {
    const rate = slowestUpload(layer, kind);
    if (uploadSeconds === null || rate === null || rate <= FAST || refused.includes(layer)) return [];
    return [
      `${layer.name}: has to be uploaded at ${Math.ceil(rate / 1e6)} MB/s, as ${title} ends an upload after ${uploadSeconds / 60} minutes.`,
    ];
  });
}

/** What speaks against a test on the builder's GPU, by what the builder itself says. */
export function gpuNotes({ builderGpu }: { readonly builderGpu?: BuilderGpu | undefined } = {}): string[] {
  if (builderGpu?.problem === undefined) return [];
  const { problem, remedy } = builderGpu;
  return [`strata:host wants the builder's GPU, and ${problem}. ${remedy}`.trim()];
}

/**
 * Where Pulumi's engine sees something else than the plan: an image that is sent again although nothing in it changes
 * (another registry, builder or way to export), or a change that the engine does not see, which would be a bug.
 */
export function disagreements(
  { platform, stages }: Pick<PlannedStack, "platform" | "stages">,
  { images }: EngineAnswer,
): string[] {
  const { recipe } = platform;
  const built = stages
    .filter(({ verdict }) => verdict === "create" || verdict === "rebuild")
    .map(({ name }) => (name === recipe ? name : `${recipe}-${name}`));
  const seen = images.filter(({ op }) => !/delete|discard|remove/.test(op)).map(({ name }) => name);
  const more = seen.filter((name) => !built.includes(name));
  const missed = built.filter((name) => !seen.includes(name));
  return [
    ...(more.length > 0
      ? [`Pulumi also updates images in which nothing changes: ${listed(more, SHOWN)}.`]
      : []),
    ...(missed.length > 0
      ? [`Pulumi would not build ${listed(missed, SHOWN)}, although the inputs changed: this is a bug.`]
      : []),
  ];
}
