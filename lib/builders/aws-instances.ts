/** EC2 instance types that stages are built on. */
export interface BuilderInstance {
  readonly type: string;
  readonly processors: number;
  readonly ramGiB: number;
  /** US dollars, on demand, Linux, us-east-1. */
  readonly dollarsPerHour: number;
}

/** A stage, as far as its compilers are concerned. */
export interface Weighty {
  readonly weight?: { readonly compilerMemory: number };
}

/**
 * Families with x86-64 processors, where price and memory go with the processors. Memory: karpenter's instance-types.md;
 * prices: its zz_generated.pricing_aws.go of 2026-01-19 (github.com/aws/karpenter-provider-aws), a 16xlarge's divided by 64.
 */
const families: readonly (readonly [family: string, gibPerProcessor: number, dollarsPerProcessor: number])[] =
  [
    ["m6a", 4, 0.0432],
    ["m6i", 4, 0.048],
    ["m7i", 4, 0.0504],
    ["m7a", 4, 0.05796],
    ["r6a", 8, 0.0567],
    ["r6i", 8, 0.063],
    ["r7i", 8, 0.06615],
    ["r8i", 8, 0.06946],
    ["r7a", 8, 0.076075],
  ];

/** Sizes by their processors; not every family has each of the large ones. */
const sizes: readonly (readonly [size: string, processors: number, families: RegExp])[] = [
  ["4xlarge", 16, /./],
  ["8xlarge", 32, /./],
  ["12xlarge", 48, /./],
  ["16xlarge", 64, /./],
  ["24xlarge", 96, /./],
  ["32xlarge", 128, /^(m6a|m6i|m7a|r6a|r6i|r7a|r8i)$/],
  ["48xlarge", 192, /^(m6a|m7i|m7a|r6a|r7i|r7a|r8i)$/],
];

const all: readonly BuilderInstance[] = families.flatMap(([family, gib, dollars]) =>
  sizes.flatMap(([size, processors, which]) =>
    which.test(family)
      ? [
          {
            type: `${family}.${size}`,
            processors,
            ramGiB: processors * gib,
            dollarsPerHour: Math.round(processors * dollars * 10_000) / 10_000,
          },
        ]
      : [],
  ),
);

/** GiB of a machine that compilers leave to the system and to BuildKit. */
const SYSTEM_GIB = 8;
/** How much dearer than the cheapest a type may be: spot is had more easily where more types are asked for. */
const DEARER = 1.25;
/** Bytes of one compiler where no stage says it. */
const DEFAULT_MEMORY = 5e9;

/** How many compilers of the heaviest stage fit at once. */
export function compilersOn(
  { processors, ramGiB }: Pick<BuilderInstance, "processors" | "ramGiB">,
  stages: readonly Weighty[],
): number {
  const heaviest = Math.max(0, ...stages.map(({ weight }) => weight?.compilerMemory ?? 0)) || DEFAULT_MEMORY;
  return Math.min(processors, Math.floor(((ramGiB - SYSTEM_GIB) * 2 ** 30) / heaviest));
}

/** The types on which `compilers` of the heaviest stage fit, cheapest first, with what is hardly dearer. */
export function instancesFitting(compilers: number, stages: readonly Weighty[]): BuilderInstance[] {
  const fitting = all
    .filter((instance) => compilersOn(instance, stages) >= compilers)
    .sort((a, b) => a.dollarsPerHour - b.dollarsPerHour);
  const most = (fitting[0]?.dollarsPerHour ?? 0) * DEARER;
  return fitting.filter(({ dollarsPerHour }) => dollarsPerHour <= most);
}

/** What is known of an instance type; undefined for one that is not for building. */
export function knownInstance(type: string): BuilderInstance | undefined {
  return all.find((instance) => instance.type === type);
}
