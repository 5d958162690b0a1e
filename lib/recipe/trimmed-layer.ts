import { UserError } from "../../errors.ts";
import { trimmablePackages } from "../gpu/trimming.ts";
import type { Distribution } from "../locks/python-lock.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { installCommand } from "./wheel-layer.ts";

const trimCommand = "sh -eu /context/install-trimmed.sh";

const trimFiles = [
  "shared/install-trimmed.sh",
  "shared/trim_gpu_code.py",
  "../smoke/lib/libraries/gpu_boxes.py",
  "../smoke/lib/libraries/elf.py",
];

/**
 * The layer as it is built in a stack that trims: what it installs loses the GPU code that the stack's cards do not run.
 * The same layer where there is nothing to lose, so its key stays.
 *
 * @param installed what it installs
 */
export function trimmedLayer(
  layer: Layer,
  installed: readonly Distribution[],
  { trim, generation }: Pick<LayerContext, "trim" | "generation">,
): Layer {
  const packages = trim ? trimmablePackages(installed) : [];
  if (packages.length === 0) return layer;
  const order = {
    capabilities: generation.computeCapabilities,
    packages: Object.fromEntries(
      packages.map(([name, { licence, stated, libraries }]) => [name, { licence, stated, libraries }]),
    ),
  };
  return {
    ...layer,
    shared: [...(layer.shared ?? []), ...trimFiles],
    generated: (context) => ({
      ...layer.generated?.(context),
      "trim.json": `${JSON.stringify(order, null, 2)}\n`,
    }),
    dockerfile: (parents, context) => {
      const text = layer.dockerfile?.(parents, context) ?? "";
      if (text.includes(installCommand)) return text.replace(installCommand, trimCommand);
      const names = packages.map(([name]) => name).join(", ");
      throw new UserError(
        "strata:trim",
        `the layer "${layer.name}" installs ${names} by a Dockerfile of its own.`,
        "Make it of wheelLayer, or set strata:trim to false.",
      );
    },
  };
}
