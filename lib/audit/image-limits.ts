/** What the image's registry and container engines take. */
import { kindOf, oversized, registryLimits } from "../registry/limits.ts";
import type { AuditConfig, AuditLayer, Finding } from "./audit-schema.ts";
import { finding } from "./rules.ts";

const PLATFORM = "linux/amd64";
/** Docker chains no more (`maxLayerDepth` in moby): 127 is what storage drivers take, and a container needs two. */
const MOST_LAYERS = 125;

/** @param registry the one that the image lies in, host or host:port: another's limits say nothing about it */
export function checkLimits(
  { os, architecture }: AuditConfig,
  layers: readonly Pick<AuditLayer, "bytes">[],
  registry: string,
): readonly Finding[] {
  const kind = kindOf(registry);
  const { title, layerBytes } = registryLimits[kind];
  const sized = layers.map(({ bytes }, index) => ({ name: "", bytes, number: index + 1 }));
  const platform = `${os}/${architecture}`;
  return [
    ...(platform === PLATFORM
      ? []
      : [finding("platform", null, null, `it is for ${platform}, not for ${PLATFORM}`)]),
    ...oversized(sized, kind).map(({ bytes, number }) =>
      finding("layer-size", number, null, `${bytes} bytes compressed, ${title} takes ${layerBytes}`),
    ),
    ...(layers.length > MOST_LAYERS
      ? [finding("layer-count", null, null, `${layers.length} layers, ${MOST_LAYERS} are allowed`)]
      : []),
  ];
}
