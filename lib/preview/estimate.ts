import type { Build, History } from "./build-history.ts";
import type { Confidence, Expectation, StagePreview, Sum } from "./preview-schema.ts";

/** Which stage, and where it is built. */
export interface BuildTarget {
  readonly stage: string;
  readonly key: string;
  readonly recipe: string;
  readonly generation: string;
}

/** As many builds make a median that one slow day does not move. */
const ENOUGH = 3;

const nothing: Expectation = {
  seconds: null,
  range: null,
  bytes: null,
  basis: "none",
  builds: 0,
  sure: "none",
};

/**
 * What building a stage takes, by earlier builds: of the very same key, else of the same layer as near as there are
 * any. Without history it says so instead of guessing.
 */
export function expectedBuild(target: BuildTarget, { builds }: History): Expectation {
  const layer = builds.filter(({ stage }) => stage === target.stage);
  const recipe = layer.filter((build) => build.recipe === target.recipe);
  const nearest: readonly [Expectation["basis"], readonly Build[]][] = [
    ["key", layer.filter(({ key }) => key === target.key)],
    ["generation", recipe.filter(({ generation }) => generation === target.generation)],
    ["recipe", recipe],
    ["layer", layer],
  ];
  const [basis, similarBuilds] = nearest.find(([, candidates]) => candidates.length > 0) ?? [
    "none" as const,
    [],
  ];
  if (similarBuilds.length === 0) return nothing;
  const times = similarBuilds.map((build) => build.seconds);
  const sizes = similarBuilds.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]));
  return {
    seconds: round(median(times)),
    range: [round(Math.min(...times)), round(Math.max(...times))],
    bytes: sizes.length > 0 ? Math.round(median(sizes)) : null,
    basis,
    builds: similarBuilds.length,
    sure: sureness(basis, similarBuilds.length),
  };
}

/** A stage that another stack has already: its image is in the registry, and the cache answers. */
export function alreadyBuilt(bytes: number | null): Expectation {
  return { seconds: 0, range: [0, 0], bytes, basis: "built", builds: 0, sure: "medium" };
}

/** A product names layers that are there: well under a second, whatever it holds. */
const manifestAlone: Expectation = {
  seconds: 0,
  range: [0, 1],
  bytes: null,
  basis: "manifest",
  builds: 0,
  sure: "high",
};

function sureness(basis: Expectation["basis"], builds: number): Confidence {
  if (basis === "recipe" || basis === "layer") return "low";
  return basis === "key" || builds >= ENOUGH ? "high" : "medium";
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

const order: readonly Confidence[] = ["none", "low", "medium", "high"];

/** The least sure of them; `none` where there is nothing to be sure of. */
export function leastConfidence(all: readonly Confidence[]): Confidence {
  return order.find((sure) => all.includes(sure)) ?? "none";
}

/**
 * What building several stages takes. `longest` is the time with cores to spare, `all` that of one after the other; the
 * truth lies between. A stage without history is named instead of counted.
 */
export function sumUp(stages: readonly StagePreview[]): Sum {
  const built = stages.flatMap(({ expected, name }) => (expected ? [{ name, expected }] : []));
  const unknown = built.filter(({ expected }) => expected.seconds === null).map(({ name }) => name);
  const timed = built.filter(({ expected }) => expected.seconds !== null);
  // A product takes no time worth saying, so beside stages of which nobody knows it says nothing of the sum.
  const telling = unknown.length > 0 ? timed.filter(({ expected }) => expected.basis !== "manifest") : timed;
  const ends = new Map<string, number>();
  for (const { name, parents, expected } of stages) {
    const start = Math.max(0, ...parents.map((parent) => ends.get(parent) ?? 0));
    ends.set(name, start + (expected?.seconds ?? 0));
  }
  return {
    longest: round(Math.max(0, ...ends.values())),
    all: round(timed.reduce((total, { expected }) => total + (expected.seconds ?? 0), 0)),
    bytes: built.reduce(
      (total, { expected }) => total + (expected.basis === "built" ? 0 : (expected.bytes ?? 0)),
      0,
    ),
    unknown,
    sure: leastConfidence(telling.map(({ expected }) => expected.sure)),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** What building a stage is expected to take: nothing where another stack has it. */
export function expectedStage(
  { name, key, role }: { readonly name: string; readonly key: string; readonly role: string },
  surroundings: {
    readonly recipe: string;
    readonly generation: string;
    readonly history: History;
    /** Compressed sizes of what other stacks have, by key. */
    readonly built: ReadonlyMap<string, number | null>;
  },
): Expectation {
  const { recipe, generation, history, built } = surroundings;
  const expected =
    role === "product" ? manifestAlone : expectedBuild({ stage: name, key, recipe, generation }, history);
  const bytes = built.get(key);
  if (bytes !== undefined) return alreadyBuilt(bytes ?? (expected.basis === "key" ? expected.bytes : null));
  return expected;
}
