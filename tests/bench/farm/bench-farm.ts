import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { generationNames } from "../../../lib/gpu/generations.ts";
import type { Stage } from "../../../lib/plan/plan.ts";
import { recipes } from "../../../recipes/index.ts";
import { planSampleStack } from "../../support/stacks.ts";
import { type Change, type FarmResult, type FarmStage, simulateDay } from "./farm.ts";

export const HELP = `Usage: npm run bench -- farm --history FILE [--nodes N] [--pulls N] [--hours N] [--builders N,N,...]
                              [--days N] [--json]

  --history FILE    times and sizes of stages that were built: .strata/history.json
  --nodes N         custom nodes of the image; the recipe studio has 38 in four groups (default: 300)
  --pulls N         pull requests of a day (default: 20)
  --hours N         in which they come (default: 10)
  --builders N,...  how many builders (default: 1,2,4,8,16)
  --days N          days that are simulated, by seeds from 1 (default: 20)
  --json            print JSON

A day of a team that keeps one image for all seven generations, simulated: the recipe's real plan, its stages' measured times
and sizes. Nothing is built.`;

/** What pull requests of such a team change: assumed, as no one has counted. */
const shares = {
  "a node": 50,
  "a service's code": 15,
  "a package of the nodes": 15,
  ComfyUI: 10,
  "build tools": 5,
  "torch or CUDA": 3,
  "the system": 2,
} as const;

/** Seconds and bytes of stages that the history lacks, with what they are taken from. */
const assumed: Readonly<Record<string, readonly [seconds: number, bytes: number]>> = {
  // README: llama.cpp takes 15 of 20 minutes of a first build for the CPU; for CUDA nobody has measured it here.
  "llama-cpp": [900, 9_000_000],
  // ADR 0075.
  "llama-source": [120, 20_000_000],
  // README: most of a first build.
  "wheel-dlib": [900, 5_000_000],
};

const history = z.object({
  builds: z.array(z.object({ stage: z.string(), seconds: z.number(), bytes: z.number().nullable() })),
});

export function benchFarm(args: string[]): number {
  const { values } = parseArgs({
    args,
    options: {
      history: { type: "string", default: ".strata/history.json" },
      nodes: { type: "string", default: "300" },
      pulls: { type: "string", default: "20" },
      hours: { type: "string", default: "10" },
      builders: { type: "string", default: "1,2,4,8,16" },
      days: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  const { builds } = history.parse(JSON.parse(readFileSync(values.history, "utf8")));
  const { stages, all } = farmStages(Number(values.nodes), measuredBy(builds));
  const day = { pulls: Number(values.pulls), hours: Number(values.hours) };
  const results = values.builders.split(",").map((builders) =>
    averaged(
      Array.from({ length: Number(values.days) }, (_, index) =>
        simulateDay(stages, all, changesOf(stages), {
          ...day,
          builders: Number(builders),
          seed: index + 1,
        }),
      ),
    ),
  );
  process.stdout.write(values.json ? `${JSON.stringify(results, null, 2)}\n` : table(results, stages, all));
  return 0;
}

/** The quickest build of each stage: the machine had other work besides. */
function measuredBy(builds: z.infer<typeof history>["builds"]): (name: string) => readonly [number, number] {
  return (name) => {
    const own = builds.filter(({ stage }) => stage === name);
    const quickest = own.toSorted((a, b) => a.seconds - b.seconds)[0];
    if (quickest) return [quickest.seconds, quickest.bytes ?? 0];
    return assumed[name] ?? [30, 1_000_000];
  };
}

/** The stages of all generations, each once; groups of nodes as often as so many nodes want. */
function farmStages(nodes: number, measured: (name: string) => readonly [number, number]) {
  const plans = generationNames.map((generation) => planSampleStack({ recipe: "studio", generation }));
  const groups = Math.max(1, Math.round(nodes / ownNodes()));
  const stages = new Map<string, FarmStage>();
  let all = 0;
  for (const plan of plans) {
    const keys = new Map(plan.stages.map(({ name, key }) => [name, key]));
    for (const stage of plan.stages) {
      const copies = isGroup(stage) ? groups : 1;
      all += copies;
      for (let copy = 0; copy < copies; copy++) {
        const [seconds, bytes] = measured(stage.name);
        // A change of a node is one of its group alone.
        const name = copy === 0 ? stage.name : `${stage.name}-${copy}`;
        const identity = copy === 0 ? stage.key : `${stage.key}-${copy}`;
        const parents = stage.parents.flatMap((parent) => keys.get(parent) ?? []);
        stages.set(identity, {
          identity,
          name,
          parents,
          heavy: stage.weight !== undefined,
          seconds,
          bytes,
        });
      }
    }
  }
  return { stages: [...stages.values()], all };
}

function isGroup({ name, cachesSteps }: Pick<Stage, "name" | "cachesSteps">): boolean {
  return cachesSteps === true && name.startsWith("nodes-");
}

/** Custom nodes of the recipe that are in its images. */
function ownNodes(): number {
  const groups = recipes.studio.comfyui?.groups ?? [];
  return groups.flatMap(({ nodes }) => nodes).filter(({ disabled }) => disabled === undefined).length;
}

function changesOf(stages: readonly FarmStage[]): Change[] {
  const names = [...new Set(stages.map(({ name }) => name))];
  const of: Readonly<Record<keyof typeof shares, readonly string[]>> = {
    "a node": names.filter((name) => name.startsWith("nodes-")),
    "a service's code": ["studio-backend"],
    "a package of the nodes": ["node-packages"],
    ComfyUI: ["comfyui"],
    "build tools": ["toolbox"],
    "torch or CUDA": ["torch", "cuda"],
    "the system": ["system"],
  };
  return Object.entries(shares).map(([what, share]) => ({
    what,
    share,
    stages: of[what as keyof typeof shares],
  }));
}

function averaged(results: readonly FarmResult[]): FarmResult {
  const mean = (key: keyof FarmResult) =>
    results.reduce((total, result) => total + result[key], 0) / results.length;
  const keys = Object.keys(results[0] ?? {}) as (keyof FarmResult)[];
  return Object.fromEntries(keys.map((key) => [key, mean(key)])) as unknown as FarmResult;
}

function table(results: readonly FarmResult[], stages: readonly FarmStage[], all: number): string {
  const first = results[0];
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  return [
    `${all} stages in the images of ${generationNames.length} generations, ${stages.length} of them different.`,
    `A day builds ${first?.built.toFixed(0)} stages in ${first?.builderHours.toFixed(1)} hours of a builder (${first?.heavyHours.toFixed(1)} of them heavy); ${((first?.hitRate ?? 0) * 100).toFixed(1)} % need no build. It pushes ${gigabytes(first?.pushedBytes ?? 0)}.`,
    "",
    "| builders | half of the pull requests within | 95 of 100 within | in use | fetched | fullest disk |",
    "| -------- | -------------------------------- | ---------------- | ------ | ------- | ------------ |",
    ...results.map(({ builders, half, most, used, pulledBytes, fullestBytes }) => {
      const cells = [
        builders,
        `${half.toFixed(0)} min`,
        `${most.toFixed(0)} min`,
        `${(used * 100).toFixed(0)} %`,
      ];
      return `| ${[...cells, gigabytes(pulledBytes), gigabytes(fullestBytes)].join(" | ")} |`;
    }),
    "",
  ].join("\n");
}
