import { layerProblems, type RegistryKind, registryLimits, type SizedLayer } from "../registry-limits.ts";
import type { PlannedStack } from "./model.ts";
import type { Known } from "./stack.ts";

/** Bytes a second that many lines do not have upwards. */
const FAST = 10e6;

/**
 * What a registry would refuse, by what is known of sizes: the stage's earlier builds, or the size that it has. It is a
 * note and not an error, as the next build may come out smaller. The product's layers are the stages' own.
 */
export function limitNotes(
  { stages }: Pick<PlannedStack, "stages">,
  known: Known,
  kinds: readonly RegistryKind[],
): string[] {
  const former = new Map(known.stages.map(({ name, bytes }) => [name, bytes]));
  // Only these are one layer each.
  const layers = stages
    .filter(({ role, verdict }) => role === "stage" && verdict !== "remove")
    .flatMap(({ name, expected }): SizedLayer[] => {
      const bytes = expected?.bytes ?? former.get(name) ?? null;
      return bytes === null ? [] : [{ name, bytes }];
    });
  return [
    ...layerProblems(layers, kinds, "Its push would fail: split the layer.").map(({ message }) => message),
    ...[...new Set(kinds)].flatMap((kind) => slowUploads(layers, kind)),
  ];
}

function slowUploads(layers: readonly SizedLayer[], kind: RegistryKind): string[] {
  const { title, layerBytes, uploadSeconds } = registryLimits[kind];
  if (uploadSeconds === null) return [];
  return layers
    .filter(({ bytes }) => bytes / uploadSeconds > FAST && bytes <= (layerBytes ?? Number.POSITIVE_INFINITY))
    .map(({ name, bytes }) => {
      const rate = Math.ceil(bytes / uploadSeconds / 1e6);
      return `${name}: has to be uploaded at ${rate} MB/s, as ${title} ends an upload after ${uploadSeconds / 60} minutes.`;
    });
}
