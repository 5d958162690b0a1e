/** `npm run models -- <workflow>…`: which models and custom nodes workflows need. See `HELP`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { throwAll, UserError } from "../../errors.ts";
import { isPackage, projectFolder, repository } from "../../home.ts";
import { analyse } from "../../lib/comfyui/workflow/analyse.ts";
import { classIndex } from "../../lib/comfyui/workflow/class-index.ts";
import { compare } from "../../lib/comfyui/workflow/compare.ts";
import { readWorkflow } from "../../lib/comfyui/workflow/read.ts";
import type { Workflow } from "../../lib/comfyui/workflow/workflow.ts";
import { formatModelLock, modelLockPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import { nodeClassesPath, parseNodeClasses } from "../../lib/locks/node-classes.ts";
import { withMissingModels } from "../../lib/models/missing-models.ts";
import { formatRecipeModels, recipeModels, recipeModelsPath } from "../../lib/models/recipe-list.ts";
import { writeLocks } from "../lock/write-locks.ts";
import { main } from "../program/main.ts";
import { renderModels } from "./models/model-table.ts";

const HELP = `Usage: npm run models -- <workflow>… [--catalogue FILE] [--json] [--add] [--write RECIPE]

A workflow is a file of ComfyUI: Export, Export (API), a picture, video or sound that it saved, or a job's body.

  --catalogue FILE  the models to compare with (default: ${modelLockPath})
  --json            print the report as one JSON object (schema: ModelsReport in lib/comfyui/workflow/report.ts)
  --add             put what the lock lacks into it, where the workflow gives an address; then run
                    npm run lock -- models
  --write RECIPE    write what is needed to recipes/models/RECIPE.json

Exit status: 0 everything is known and locked, 1 something is not, 2 a workflow could not be read (the report is about
the others).`;

await main(models, { help: HELP, trouble: 2 });

async function models(): Promise<number> {
  const { values, positionals } = parse(process.argv.slice(2));
  if (positionals.length === 0) throw usage("expected a workflow.");
  if (isPackage && values.add && values.catalogue === undefined)
    throw usage("--add needs --catalogue: the package's own is made anew by each installation.");
  const classes = classIndex(parseNodeClasses(readText(join(repository, nodeClassesPath))));
  const catalogue = values.catalogue ?? join(repository, modelLockPath);
  const lock = parseModelLock(readText(catalogue), catalogue);
  const { workflows, failures } = readAll(positionals);
  if (workflows.length === 0 || (values.write !== undefined && failures.length > 0))
    throwAll("models", failures);
  const unreadable = failures.map(({ path, message }) => ({ path, problem: message }));
  const needs = analyse(workflows, classes);
  let report = compare(needs, lock, classes, unreadable);
  if (values.add) {
    const more = withMissingModels(lock, report);
    writeFileSync(catalogue, formatModelLock(more));
    console.error(`added ${more.incomplete.length - lock.incomplete.length} models to ${catalogue}`);
    report = compare(needs, more, classes, unreadable);
  }
  if (values.write !== undefined) {
    const path = recipeModelsPath(recipeName(values.write));
    await writeLocks(projectFolder, [{ path, text: formatRecipeModels(recipeModels(report)) }]);
    console.error(`wrote ${path}`);
  }
  console.log(values.json ? JSON.stringify(report, null, 2) : renderModels(report));
  if (unreadable.length > 0) return 2;
  return report.verdict === "complete" ? 0 : 1;
}

/** All that can be read; one file that is no workflow does not stop the others. */
function readAll(paths: readonly string[]): { workflows: Workflow[]; failures: UserError[] } {
  const workflows: Workflow[] = [];
  const failures: UserError[] = [];
  for (const path of paths) {
    try {
      workflows.push(readWorkflow(readBytes(path), fromRepository(path)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  return { workflows, failures };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        catalogue: { type: "string" },
        json: { type: "boolean" },
        add: { type: "boolean" },
        write: { type: "string" },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(path, `cannot be read: ${(error as Error).message}.`, "");
  }
}

function readText(path: string): string {
  return readBytes(path).toString("utf8");
}

/** Files of the repository are named from its root, so that a written list is the same on every machine. */
function fromRepository(path: string): string {
  const below = relative(projectFolder, resolve(path));
  return below.startsWith("..") ? path : below;
}

function recipeName(name: string): string {
  if (/^[a-z][a-z0-9-]*$/.test(name)) return name;
  throw new UserError("--write", `expected the name of a recipe, got "${name}".`, "Write --write wan22.");
}

function usage(problem: string): UserError {
  return new UserError("models", problem, `\n\n${HELP}`);
}
