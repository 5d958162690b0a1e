import { type Machine, machineLine } from "../machine.ts";
import { linePlot } from "../plot.ts";
import type { Taken } from "../timed-command.ts";
import { type Growth, growthOf, isLinear } from "./growth.ts";

/** One size, and what it takes. */
export interface Point {
  readonly stages: number;
  readonly nodes: number;
  readonly stacks: number;
  /** The update that built what was new; absent where nothing was. */
  readonly built?: Taken;
  /** Configuration, locks and plan, in a process that has its modules. */
  readonly plan: Taken;
  /** `npm run preview -- --offline`. */
  readonly offline: Taken;
  /** `npm run preview`, with what Pulumi's engine says. */
  readonly preview: Taken;
  /** `make up` where nothing has changed. */
  readonly unchanged: Taken;
  /** The same with FULL=1: Pulumi looks at everything. */
  readonly full: Taken;
}

export interface ScaleResult {
  readonly machine: Machine;
  readonly byStages: readonly Point[];
  readonly byStacks: readonly Point[];
}

/** Seconds that a preview of the greatest recipe may take. */
const PREVIEW_GOAL = 5;

const measured = {
  plan: "plan",
  offline: "preview --offline",
  preview: "preview",
  unchanged: "up, unchanged",
  full: "up --full, unchanged",
} as const satisfies Partial<Record<keyof Point, string>>;
const kinds = Object.keys(measured) as (keyof typeof measured)[];

/** Which of a result's series, against what. */
export type By = "stages" | "stacks";

/** Tables for a document: seconds, and processor seconds in brackets. */
export function scaleMarkdown(result: ScaleResult): string {
  const greatest = result.byStages.at(-1);
  const preview = greatest?.preview.seconds ?? 0;
  const verdict = preview <= PREVIEW_GOAL ? "met" : "missed";
  return [
    machineLine(result.machine),
    "",
    ...table(result, "stages"),
    ...table(result, "stacks"),
    `Preview of ${greatest?.stages} stages: ${preview.toFixed(1)} s (goal ${PREVIEW_GOAL} s: ${verdict}).`,
    "",
  ].join("\n");
}

/** Lines of one series. */
export function scalePlot(result: ScaleResult, by: By): string {
  const points = pointsBy(result, by);
  const title = by === "stages" ? "Seconds by stages, one stack" : "Seconds by stacks";
  return linePlot(
    { title, x: by, y: "seconds" },
    kinds.map((kind) => ({
      name: measured[kind],
      points: points.map((point) => [point[by], point[kind].seconds] as const),
    })),
  );
}

/** How each measured time grows with `by`; nothing where there are too few points. */
export function scaleGrowth(result: ScaleResult, by: By): Partial<Record<keyof typeof measured, Growth>> {
  const points = pointsBy(result, by);
  if (points.length < 3) return {};
  return Object.fromEntries(
    // Of a busy machine, processor time says more than the clock.
    kinds.map((kind) => [kind, growthOf(points.map((point) => [point[by], point[kind].processorSeconds]))]),
  );
}

function pointsBy(result: ScaleResult, by: By): readonly Point[] {
  return by === "stages" ? result.byStages : result.byStacks;
}

function table(result: ScaleResult, by: By): string[] {
  const growth = scaleGrowth(result, by);
  const cells = (point: Point) =>
    kinds.map((kind) => {
      const { seconds, processorSeconds } = point[kind];
      return `${seconds.toFixed(2)} (${processorSeconds.toFixed(2)})`;
    });
  const shown = (kind: (typeof kinds)[number]) => {
    const found = growth[kind];
    if (!found) return "";
    const each = `${(found.each * 1000).toFixed(1)} ms each, ${found.bend.toFixed(2)}`;
    return isLinear(found) ? each : `${each}: not linear`;
  };
  return [
    `| stages | nodes | stacks | ${kinds.map((kind) => measured[kind]).join(" | ")} |`,
    `| ${Array.from({ length: kinds.length + 3 }, () => "--:").join(" | ")} |`,
    ...pointsBy(result, by).map(
      (point) => `| ${point.stages} | ${point.nodes} | ${point.stacks} | ${cells(point).join(" | ")} |`,
    ),
    ...(Object.keys(growth).length > 0 ? [`| growth | | | ${kinds.map(shown).join(" | ")} |`] : []),
    "",
  ];
}
