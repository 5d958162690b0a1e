import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../../errors.ts";
import { recipeFileName } from "../../../lib/recipe/recipe-file.ts";
import { recipeNames } from "../../../recipes/index.ts";
import { note } from "../../../tools/program/progress.ts";
import { thisMachine } from "../machine.ts";
import { type CaseName, caseNames, cases, sequence } from "./cases.ts";
import type { Costs } from "./meter.ts";
import { type RecipeResult, type RecipeRow, recipeMarkdown, recipePlot, recipeRow } from "./recipe-report.ts";
import { openTrial, type Trial } from "./trial.ts";

export const HELP = `Usage: npm run bench -- RECIPE [--cases LIST] [--generation NAME] [--second NAME] [--third NAME] [--package NAME]
                               [--mirror PREFIX=REPLACEMENT]... [--set NAME=JSON]... [--list] [--json] [--out FOLDER]

  --cases LIST       some cases in place of all, such as cold,nothing,script (--list tells them)
  --generation NAME  of what is built (default: cpu)
  --second NAME      of the case generation on a warm builder (default: ada)
  --third NAME       of the same on an empty one (default: ampere)
  --package NAME     what an older version is taken of (default: tqdm)
  --mirror …         reads git sources through a mirror, as strata:mirrors does
  --set NAME=JSON    a setting of the stack, such as llama='{"enabled":false}'
  --buildx PROGRAM   in place of the pinned one, which is built from its Go module
  --keep             leave the trial's folder, and say where it is
  --json             print JSON
  --out FOLDER       also write <recipe>.json, .md and .svg there

Builds the recipe by strata, by one Dockerfile in the field's order and by a multi-stage one, of the same packages, nodes and
base, on one builder and registry of their own in a folder of TMPDIR: first all cases of one of them, then of the next. It
wants the time of three first builds, and the disk of one and of three images.`;

/** `npm run bench -- studio`. */
export async function benchRecipe(recipe: string, args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      cases: { type: "string" },
      generation: { type: "string", default: "cpu" },
      second: { type: "string", default: "ada" },
      third: { type: "string", default: "ampere" },
      package: { type: "string", default: "tqdm" },
      mirror: { type: "string", multiple: true, default: [] },
      set: { type: "string", multiple: true, default: [] },
      buildx: { type: "string" },
      list: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
  });
  if (values.list) {
    process.stdout.write(`${caseNames.map((name) => `${name.padEnd(12)}${cases[name]}`).join("\n")}\n`);
    return 0;
  }
  if (!recipeFileName.test(recipe) && !recipeNames.some((name) => name === recipe))
    throw new UserError(
      recipe,
      "is no bench and no recipe.",
      `Choose small, scale, ${recipeNames.join(", ")}.`,
    );
  const chosen = chosenCases(values.cases);
  const machine = thisMachine();
  const folder = mkdtempSync(join(tmpdir(), "strata-bench-"));
  const trial = await openTrial(folder, recipeFileName.test(recipe) ? resolve(recipe) : recipe, {
    generation: values.generation,
    others: [values.second, values.third],
    package: values.package,
    buildx: values.buildx,
    mirrors: Object.fromEntries(values.mirror.map(pair)),
    settings: Object.fromEntries(values.set.map(pair).map(([name, json]) => [name, JSON.parse(json)])),
  });
  try {
    const rows: RecipeRow[] = [];
    const result: RecipeResult = { machine, recipe, generation: values.generation, rows };
    await measureAll(trial, sequence(chosen), (row) => {
      rows.push(row);
      // A long run that ends early has said what it knows.
      if (values.out) writeResult(values.out, result);
    });
    process.stdout.write(
      values.json ? `${JSON.stringify(result, null, 2)}\n` : `${recipeMarkdown(result)}\n`,
    );
    return 0;
  } finally {
    await trial.close();
    if (values.keep) note(`bench: ${folder} is left`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/** From nothing comes first, whatever is measured: the others want something to change. */
function chosenCases(list: string | undefined): CaseName[] {
  const asked = list?.split(",") ?? caseNames;
  const unknown = asked.filter((name) => !caseNames.some((each) => each === name));
  if (unknown.length > 0)
    throw new UserError(
      "--cases",
      `there is no ${unknown.join(", ")}.`,
      `Choose of ${caseNames.join(", ")}.`,
    );
  return caseNames.filter((name) => name === "cold" || asked.includes(name));
}

/** One after the other does all of its builds: a builder that is warm is so of its own, and no disk holds what three keep. */
async function measureAll(
  trial: Trial,
  steps: ReturnType<typeof sequence>,
  done: (row: RecipeRow) => void,
): Promise<void> {
  const peerCosts = { one: [] as Costs[], stages: [] as Costs[] };
  for (const who of ["one", "stages"] as const) {
    await trial.begin(who);
    for (const [name, builder] of steps) peerCosts[who].push(await trial.build(name, builder));
  }
  await trial.begin("strata");
  for (const [index, [name, builder]] of steps.entries()) {
    const strata = await trial.build(name, builder);
    const [one, stages] = [peerCosts.one[index], peerCosts.stages[index]];
    if (one && stages) done(recipeRow(name, builder, { one, stages, strata }));
  }
}

function writeResult(out: string, result: RecipeResult): void {
  mkdirSync(out, { recursive: true });
  const name = basename(result.recipe, extname(result.recipe));
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(out, `${name}.md`), `${recipeMarkdown(result)}\n`);
  writeFileSync(join(out, `${name}.svg`), recipePlot(result));
}

/** `name=value`, which may hold further signs. */
function pair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UserError(text, "has no equals sign.", "Write NAME=VALUE.");
}
