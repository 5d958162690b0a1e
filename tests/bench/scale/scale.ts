import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { homeAt, repository } from "../../../home.ts";
import { note, withProgress } from "../../../tools/program/progress.ts";
import { stopServices } from "../../../tools/services/services.ts";
import { planStackIn } from "../../../tools/stack/checkout-plan.ts";
import { namedStacks } from "../../../tools/stack/stack.ts";
import { thisMachine } from "../machine.ts";
import { best, type Taken, timedCommand } from "../timed-command.ts";
import { type Scale, writeScaleRecipe } from "./scale-recipe.ts";
import { type Point, type ScaleResult, scaleMarkdown, scalePlot } from "./scale-report.ts";

export const HELP = `Usage: npm run bench -- scale [--stages N] [--nodes N] [--stacks N] [--steps N] [--rounds N]
                               [--json] [--out FOLDER]

  --stages N   stages of the greatest recipe (default: 60)
  --nodes N    custom nodes in it (default: 300)
  --stacks N   of that many of the clone's stacks (default: 7)
  --steps N    sizes on the way there (default: 4)
  --rounds N   runs of each command; the quickest counts (default: 3)

Plan, preview and an update without changes of a recipe whose stages are groups of nodes, built for real in a builder and
registry of their own; first with ever more stages, then with ever more stacks.`;

/** One size's environment: the recipe by which every stack of the clone is another recipe's, in a home of its own. */
interface Bench {
  readonly folder: string;
  readonly environment: Record<string, string>;
  readonly rounds: number;
}

export async function benchScale(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      stages: { type: "string", default: "60" },
      nodes: { type: "string", default: "300" },
      stacks: { type: "string", default: "7" },
      steps: { type: "string", default: "4" },
      rounds: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
  });
  const greatest = { stages: Number(values.stages), nodes: Number(values.nodes) };
  const folder = mkdtempSync(join(tmpdir(), "strata-scale-"));
  const environment = { STRATA_HOME: join(folder, "home") };
  const bench: Bench = { folder, environment, rounds: Number(values.rounds) };
  // What is planned in this process reads the same.
  process.env.STRATA_HOME = environment.STRATA_HOME;
  const machine = thisMachine();
  try {
    const [first = "dev", ...others] = stacksFrom(Number(values.stacks));
    const points = { byStages: [] as Point[], byStacks: [] as Point[] };
    const result: ScaleResult = { machine, ...points };
    const add = (to: Point[]) => (point: Point) => {
      to.push(point);
      // A long run that ends early has said what it knows.
      if (values.out) writeScale(values.out, result);
    };
    await byStages(bench, greatest, Number(values.steps), first, add(points.byStages));
    await byStacks(bench, greatest, Number(values.steps), [first, ...others], add(points.byStacks));
    process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : scaleMarkdown(result));
    return 0;
  } finally {
    await stopServices(homeAt(environment.STRATA_HOME));
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeScale(out: string, result: ScaleResult): void {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "scale.json"), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(out, "scale.md"), scaleMarkdown(result));
  for (const by of ["stages", "stacks"] as const)
    writeFileSync(join(out, `scale-${by}.svg`), scalePlot(result, by));
}

/** `dev` first: nothing of it needs more than this clone. */
function stacksFrom(count: number): string[] {
  const names = namedStacks().sort((a, b) => Number(b === "dev") - Number(a === "dev"));
  if (names.length < count) note(`bench: the clone has ${names.length} stacks, so it is that many`);
  return names.slice(0, count);
}

async function byStages(
  bench: Bench,
  greatest: Scale,
  steps: number,
  stack: string,
  add: (point: Point) => void,
): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    const part = (whole: number) => Math.round((whole * step) / steps);
    const scale = { stages: part(greatest.stages), nodes: part(greatest.nodes) };
    await useRecipe(bench, scale);
    const built = await command(bench, "up", stack);
    add(await measure(bench, scale, [stack], built));
  }
}

async function byStacks(
  bench: Bench,
  scale: Scale,
  steps: number,
  stacks: readonly string[],
  add: (point: Point) => void,
): Promise<void> {
  const counts = Array.from({ length: steps }, (_, step) => Math.round((stacks.length * (step + 1)) / steps));
  await useRecipe(bench, scale);
  let done = 0;
  for (const count of [...new Set(counts)].filter((each) => each > 0)) {
    const fresh = stacks.slice(done, count);
    let built: Taken | undefined;
    for (const stack of fresh) built = await command(bench, "up", stack);
    done = count;
    add(await measure(bench, scale, stacks.slice(0, count), built));
  }
}

async function useRecipe(bench: Bench, scale: Scale): Promise<void> {
  bench.environment.STRATA_RECIPE = await writeScaleRecipe(join(bench.folder, "recipe"), scale);
  process.env.STRATA_RECIPE = bench.environment.STRATA_RECIPE;
}

/** All of what a person waits for, of some stacks; what an update does is measured of the last of them. */
async function measure(
  bench: Bench,
  scale: Scale,
  stacks: readonly string[],
  built: Taken | undefined,
): Promise<Point> {
  const last = stacks.at(-1) ?? "dev";
  const named = stacks.flatMap((stack) => ["--stack", stack]);
  const title = `${scale.stages} stages, ${scale.nodes} nodes, ${stacks.length} stacks`;
  return await withProgress(title, async () => ({
    ...scale,
    stacks: stacks.length,
    ...(built ? { built: taken(built) } : {}),
    plan: taken(await best(bench.rounds, () => plan(bench, stacks))),
    offline: taken(await best(bench.rounds, () => command(bench, "preview", "--offline", ...named))),
    preview: taken(await best(bench.rounds, () => command(bench, "preview", ...named))),
    unchanged: taken(await best(bench.rounds, () => command(bench, "up", last))),
    full: taken(await best(bench.rounds, () => command(bench, "up", last, "--full"))),
  }));
}

function taken({ seconds, processorSeconds }: Taken): Taken {
  return { seconds, processorSeconds: Math.round(processorSeconds * 1000) / 1000 };
}

/** The pure part, in this process. */
async function plan({ environment }: Bench, stacks: readonly string[]): Promise<Taken> {
  const [began, used] = [performance.now(), process.cpuUsage()];
  for (const stack of stacks) await planStackIn(repository, stack, homeAt(environment.STRATA_HOME ?? ""));
  const { user, system } = process.cpuUsage(used);
  return { seconds: (performance.now() - began) / 1000, processorSeconds: (user + system) / 1e6 };
}

async function command(bench: Bench, name: "up" | "preview", ...words: string[]): Promise<Taken> {
  const given = name === "up" ? ["--stack", ...words] : words;
  const cache = { NODE_COMPILE_CACHE: join(bench.folder, "compiled") };
  return await timedCommand(
    [join(repository, `tools/commands/${name}.ts`), ...given],
    { ...bench.environment, ...cache },
    repository,
  );
}
