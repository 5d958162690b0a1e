/**
 * GPU generations: what a stack is built for. One exhaustive table, so that a new generation is one entry
 * and the compiler names every place that has to know about it.
 *
 * Compute capabilities: https://developer.nvidia.com/cuda-gpus
 */
export const generationNames = [
  "cpu",
  "turing",
  "ampere",
  "ada",
  "hopper",
  "blackwell",
  "universal",
] as const;
export type GenerationName = (typeof generationNames)[number];

export interface Generation {
  readonly name: GenerationName;
  /** Compute capabilities that our own kernels are compiled for, lowest first; none for `cpu`. */
  readonly computeCapabilities: readonly string[];
  /** What people call the cards, for tables and labels. */
  readonly cards: string;
}

const table: { readonly [name in GenerationName]: Omit<Generation, "name"> } = {
  cpu: { computeCapabilities: [], cards: "no GPU needed" },
  turing: { computeCapabilities: ["7.5"], cards: "T4, RTX 20" },
  ampere: { computeCapabilities: ["8.0", "8.6"], cards: "A100, A10G, RTX 30" },
  ada: { computeCapabilities: ["8.9"], cards: "L4, L40S, RTX 40" },
  hopper: { computeCapabilities: ["9.0"], cards: "H100, H200" },
  blackwell: { computeCapabilities: ["10.0", "12.0"], cards: "B200, RTX PRO 6000, RTX 50" },
  universal: {
    computeCapabilities: ["7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0"],
    cards: "every generation in one image",
  },
};

/** The facts of one generation. */
export function generation(name: GenerationName): Generation {
  return { name, ...table[name] };
}

/** `["8.0", "8.6"]` as CMake wants it: real code for exactly these, no PTX (`80-real;86-real`). */
export function cmakeCudaArchitectures(computeCapabilities: readonly string[]): string {
  return computeCapabilities.map((capability) => `${capability.replace(".", "")}-real`).join(";");
}
