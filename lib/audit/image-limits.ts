/** What registries and container engines take, whoever's they are. */
import type { AuditConfig, AuditLayer, Finding } from "./audit-schema.ts";
import { finding } from "./rules.ts";

const PLATFORM = "linux/amd64";
/**
 * GitHub's registry takes layers up to 10 GB and gives each 10 minutes to arrive; ECR takes 52,000 MiB.
 * https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry
 */
const LARGEST_LAYER = 10e9;
/** Docker chains no more (`maxLayerDepth` in moby): 127 is what storage drivers take, and a container needs two. */
const MOST_LAYERS = 125;

export function checkLimits(
  { os, architecture }: AuditConfig,
  layers: readonly Pick<AuditLayer, "bytes">[],
): readonly Finding[] {
  const platform = `${os}/${architecture}`;
  return [
    ...(platform === PLATFORM
      ? []
      : [finding("platform", null, null, `it is for ${platform}, not for ${PLATFORM}`)]),
    ...layers.flatMap(({ bytes }, index) =>
      bytes > LARGEST_LAYER
        ? [finding("layer-size", index + 1, null, `${bytes} bytes compressed, ${LARGEST_LAYER} are allowed`)]
        : [],
    ),
    ...(layers.length > MOST_LAYERS
      ? [finding("layer-count", null, null, `${layers.length} layers, ${MOST_LAYERS} are allowed`)]
      : []),
  ];
}
