import { createHash } from "node:crypto";
import { UserError } from "../errors.ts";
import { attentionKernels, type CudaVersion, compatibilitySet, type PythonVersion } from "./compatibility.ts";
import { generation } from "./generations.ts";
import type { LayerContext } from "./layer.ts";
import type { Recipe } from "./recipe.ts";

/** Which lock a stack uses. */
export interface LockName {
  readonly recipe: string;
  readonly python: PythonVersion;
  readonly cuda: CudaVersion;
}

/** Where the lock lies, below the repository. */
export function lockPath({ recipe, python, cuda }: LockName): string {
  return `locks/python/${recipe}-py${python}-cu${cuda}.txt`;
}

/**
 * All requirements that a recipe can have with this Python and CUDA, over every generation and kernel: one
 * resolution serves every stack, and a stack takes from it what it needs. Sorted, without duplicates.
 */
export function lockInputs(recipe: Recipe, { python, cuda }: LockName): string[] {
  const set = compatibilitySet(cuda);
  const context: LayerContext = {
    recipe: recipe.name,
    generation: generation("missing" in set.cudaCompiler ? "cpu" : "universal"),
    python,
    set,
    attention: attentionKernels.filter((kernel) => "version" in set.attention[kernel]),
    llama: { source: "sdist", vmm: true, pin: { version: "", location: "", hash: "" } },
    base: { name: "", digest: "" },
  };
  const requirements = [...recipe.buildLayers, ...recipe.layers].flatMap((layer) => {
    const { image = [], build = [] } = layer.python?.(context) ?? {};
    return [...image, ...build];
  });
  return [...new Set(requirements)].sort();
}

/**
 * The first lines of a lock: what it is, and two hashes that show when it no longer fits its inputs or was
 * edited by hand.
 */
export function lockHeader(name: LockName, inputs: readonly string[], body: string): string {
  return [
    `# Python packages of ${name.recipe}, Python ${name.python}, CUDA ${name.cuda}. Made by \`npm run lock -- python\`.`,
    `# inputs: ${hash(inputs.join("\n"))}`,
    `# content: ${hash(body)}`,
    "",
  ].join("\n");
}

/** What is wrong with a lock file, if anything: made for other requirements, or edited. */
export function lockProblem(name: LockName, inputs: readonly string[], text: string): UserError | undefined {
  const [, ...lines] = text.split("\n");
  const body = lines.slice(2).join("\n");
  const said = (field: string) =>
    lines.find((line) => line.startsWith(`# ${field}: `))?.slice(field.length + 4);
  const path = lockPath(name);
  if (said("inputs") !== hash(inputs.join("\n"))) {
    return new UserError(path, "was made for other requirements.", "Run `npm run lock -- python`.");
  }
  if (said("content") !== hash(body)) {
    return new UserError(path, "was edited by hand.", "Run `npm run lock -- python`.");
  }
  return undefined;
}

function hash(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
