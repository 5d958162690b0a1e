import { runInstruction, stageDockerfile, stageMounts } from "../../lib/recipe/dockerfile.ts";
import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";

/** A requirement of a distribution (or of `ComfyUI`), as its metadata has it, that is not met on purpose. */
export interface UnmetRequirement {
  readonly distribution: string;
  readonly requirement: string;
  readonly reason: string;
}

/** Stages without packages that the environment needs all the same: libraries, the interpreter, ComfyUI's requirements. */
const companions = ["system", "cpython", "python", "comfyui"];

/**
 * Looks at the Python stages of a recipe together, before a product is made of them. Nodes, models and the back end's
 * code are none of its business, so a change there does not run it again.
 *
 * @param layers the recipe's layers
 * @param unmet requirements that need not be met
 */
export function verification(layers: readonly Layer[], unmet: readonly UnmetRequirement[] = []): Layer {
  const looksAt = (layer: Layer, context: LayerContext): boolean =>
    (layer.included?.(context) ?? true) && (companions.includes(layer.name) || installs(layer, context));
  return {
    name: "verify",
    summary: "whether the Python stages fit together: the lock, requirements, CUDA's version, libraries",
    role: "build",
    parents: (context) => [
      "toolbox",
      ...layers.filter((layer) => looksAt(layer, context)).map(({ name }) => name),
    ],
    // The smoke test asks the loader itself about the same libraries, in the product: it reads them by the same code.
    shared: [
      "shared/verify-in-place.sh",
      "shared/finish.sh",
      "../smoke/lib/libraries/elf.py",
      "../smoke/lib/libraries/optional_libraries.py",
    ],
    args: ({ python, set }) => ({ PYTHON: python, CUDA: set.cuda }),
    listed: (installed) => ({
      "distributions.txt": installed.map(({ name, version }) => `${name}==${version}\n`).join(""),
    }),
    generated: (): Record<string, string> =>
      unmet.length > 0 ? { "allowed.json": `${JSON.stringify(unmet, null, 2)}\n` } : {},
    dockerfile: (parents) => verifyDockerfile(parents),
  };
}

function installs(layer: Layer, context: LayerContext): boolean {
  const { image = [], remaining = [] } = layer.python?.(context) ?? {};
  return image.length + remaining.length > 0;
}

function verifyDockerfile(parents: readonly string[]): string {
  const options = ["--network=none", "--mount=type=bind,target=/context", ...stageMounts(parents)];
  return stageDockerfile([
    "# Checks the Python stages together; the report is all that it makes.",
    "FROM toolbox AS build",
    ...["SOURCE_DATE_EPOCH", "PYTHON", "CUDA"].map((arg) => `ARG ${arg}`),
    runInstruction(options, "sh -eu /context/verify.sh"),
  ]);
}
