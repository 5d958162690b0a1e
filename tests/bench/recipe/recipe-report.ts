import prettyBytes from "pretty-bytes";
import { type Machine, machineLine } from "../machine.ts";
import { barPlot } from "../plot.ts";
import { type BuilderState, type CaseName, cases, goals } from "./cases.ts";
import type { Costs } from "./meter.ts";
import { type Peer, peers } from "./peer-files.ts";

export type Builds = Readonly<Record<"strata" | Peer, Costs>>;

export interface RecipeRow {
  readonly name: CaseName;
  readonly builder: BuilderState;
  readonly costs: Builds;
  /** strata's time without its test, in terms of the better peer's. */
  readonly ratio: number;
}

export interface RecipeResult {
  readonly machine: Machine;
  readonly recipe: string;
  readonly generation: string;
  readonly rows: readonly RecipeRow[];
}

/** What a build took without a test, which no peer makes. */
export function buildSeconds({ seconds, testSeconds }: Costs): number {
  return seconds - testSeconds;
}

/** A row of what was measured. */
export function recipeRow(name: CaseName, builder: BuilderState, costs: Builds): RecipeRow {
  const better = Math.min(buildSeconds(costs.one), buildSeconds(costs.stages));
  return { name, builder, costs, ratio: buildSeconds(costs.strata) / better };
}

/** Tables for a document. */
export function recipeMarkdown({ machine, recipe, generation, rows }: RecipeResult): string {
  const who = ["strata", ...Object.values(peers)];
  return [
    `\`${recipe}\` for ${generation}. ${machineLine(machine)}`,
    "",
    `| case | builder | ${who.join(" | ")} | of the better peer | goal | strata's test |`,
    "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ...rows.map(({ name, builder, costs, ratio }) => {
      const goal = goals[name];
      const judged = goal === undefined ? "" : `${goal} × ${ratio <= goal ? "met" : "missed"}`;
      const times = all(costs).map((each) => `${buildSeconds(each).toFixed(1)} s`);
      const test = `${costs.strata.testSeconds.toFixed(1)} s`;
      return `| ${[cases[name], builder, ...times, `${ratio.toFixed(2)} ×`, judged, test].join(" | ")} |`;
    }),
    "",
    ...amounts("pushed", rows),
    ...amounts("pulled", rows),
    ...amounts("memory", rows),
    ...amounts("disk", rows),
    ...amounts("stored", rows),
  ].join("\n");
}

function amounts(
  what: "pushed" | "pulled" | "memory" | "disk" | "stored",
  rows: readonly RecipeRow[],
): string[] {
  return [
    `| ${titles[what]} | builder | strata | ${Object.values(peers).join(" | ")} |`,
    "| --- | --- | --: | --: | --: |",
    ...rows.map(({ name, builder, costs }) => {
      const cells = all(costs).map((each) => prettyBytes(each[what]));
      return `| ${[cases[name], builder, ...cells].join(" | ")} |`;
    }),
    "",
  ];
}

const titles = {
  pushed: "pushed",
  pulled: "pulled",
  memory: "memory at most",
  disk: "the builder's disk",
  stored: "stored in the registry",
};

/** Seconds of each case as bars. */
export function recipePlot({ recipe, rows }: RecipeResult): string {
  const names = ["strata", ...Object.values(peers)];
  const series = names.map((name, index) => ({
    name,
    values: rows.map(({ costs }) => buildSeconds(all(costs)[index] ?? costs.strata)),
  }));
  return barPlot(
    { title: `Seconds to build ${recipe}, without the test`, x: "case", y: "seconds" },
    rows.map(({ name, builder }) => (builder === "warm" ? name : `${name}*`)),
    series,
  );
}

function all({ strata, one, stages }: Builds): [Costs, Costs, Costs] {
  return [strata, one, stages];
}
