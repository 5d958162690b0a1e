/** `npm run import -- <what>… --name NAME`: a recipe of one's own from what somebody has. See `HELP`. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { throwAll, UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { classIndex } from "../../lib/comfyui/workflow/class-index.ts";
import { matchModels } from "../../lib/import/match-models.ts";
import { shownText } from "../../lib/import/safe-names.ts";
import { coolDownPath, parseCoolDown } from "../../lib/lock-making/cool-down.ts";
import { imageLockPath, parseImageLock } from "../../lib/locks/image-lock.ts";
import { modelLockPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import { nodeClassesPath, parseNodeClasses } from "../../lib/locks/node-classes.ts";
import { nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { recipeNames } from "../../recipes/index.ts";
import { comfyuiRecipe } from "../../recipes/own-comfyui.ts";
import { readMirrors } from "../lock/mirror-options.ts";
import { readLock, writeLocks } from "../lock/write-locks.ts";
import { main } from "../program/main.ts";
import { renderImport } from "./import/import-report.ts";
import { lockRecipe } from "./import/lock-recipe.ts";
import { makeRecipe } from "./import/make-recipe.ts";
import { readSources } from "./import/read-source.ts";
import { importReport, recipeFiles, type Target } from "./import/written-files.ts";

const HELP = `Usage: npm run import -- <what>... --name NAME [--output FOLDER] [--models] [--mirror PREFIX=REPLACEMENT]...
                         [--force] [--json]

What there is to import:
  a snapshot of ComfyUI-Manager (.json, .yaml), comfy-lock.yaml, a pack of comfy-pack (.cpack.zip),
  a folder of ComfyUI, a Dockerfile FROM runpod/worker-comfyui, workflows; several of them together

  --name NAME      what the recipe and its stack are called
  --output FOLDER  where the recipe goes (default: ../NAME, beside this clone)
  --models         hash the models in a folder of ComfyUI, and look for them among those that strata knows
  --mirror P=R     read git sources, and Comfy's registry, whose address begins with P from R
  --force          write over the files of an earlier import
  --json           print the report as one JSON object (schema: tools/commands/import/import-report.ts)

Writes the recipe, its locks and Pulumi.NAME.yaml. Runs nothing of what it reads.

Exit status: 0 all was taken over and locked, 1 something was not, 2 nothing was written.`;

await main(importAll, { help: HELP, trouble: 2 });

async function importAll(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string" },
      output: { type: "string" },
      models: { type: "boolean", default: false },
      mirror: { type: "string", multiple: true },
      force: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  if (positionals.length === 0) throw new UserError("import", "expected something to import.", `\n\n${HELP}`);
  const target = targetOf(values.name, values.output);
  if (!values.force) refuseExisting(target);
  const strata = parseNodeLock(read(nodeLockPath));
  const catalogue = parseModelLock(read(modelLockPath));
  const classes = classIndex(parseNodeClasses(read(nodeClassesPath)));
  const inventory = await readSources(positionals, { classes, catalogue, hashesModels: values.models });
  const coolDown = parseCoolDown(readLock(target.folder, coolDownPath));
  const from = shownText(positionals.map((path) => basename(resolve(path))).join(", "), 60);
  const made = await makeRecipe(inventory, {
    name: target.name,
    images: parseImageLock(read(imageLockPath)),
    strata,
    mirrors: readMirrors(values.mirror ?? []),
    coolDown,
    from,
  });
  const models = matchModels(inventory.models, catalogue, from);
  const locks = await lockRecipe(made, inventory.installed, { strata, folder: target.folder, coolDown });
  const files = recipeFiles(target, { made, models, locks, workflows: inventory.workflows, from });
  await writeLocks("/", files);
  const report = importReport(target, { made, models, locks, strata, catalogue });
  console.log(values.json ? JSON.stringify(report, null, 2) : renderImport(report));
  return report.left.length === 0 && report.locks.every(({ made: isMade }) => isMade) ? 0 : 1;
}

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

function targetOf(name = "", output: string | undefined): Target {
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(name)) {
    throw new UserError(
      "--name",
      `expected lower-case letters, digits and dashes, got "${shownText(name)}".`,
      "Write --name my-images.",
    );
  }
  if ((recipeNames as readonly string[]).includes(name)) {
    throw new UserError("--name", `${name} is a recipe of strata's own.`, "Choose another.");
  }
  const layers = comfyuiRecipe({ name: "own", runpod: true });
  if ([...layers.layers, ...layers.buildLayers].some((layer) => layer.name === name)) {
    throw new UserError("--name", `${name} is the name of a layer.`, "Choose another.");
  }
  const folder = resolve(output ?? join(repository, "..", name));
  const recipe = join(folder, "recipe.ts");
  return {
    name,
    folder,
    recipe,
    stack: join(repository, `Pulumi.${name}.yaml`),
    strata: pathTo(repository, dirname(recipe)),
  };
}

/** As an import in a file of a folder names it. */
function pathTo(path: string, folder: string): string {
  const from = relative(folder, path);
  return from.startsWith(".") ? from : `./${from}`;
}

function refuseExisting({ recipe, stack, folder }: Target): void {
  const locks = join(folder, "locks");
  throwAll(
    "import",
    [recipe, stack, locks]
      .filter((path) => existsSync(path))
      .map(
        (path) =>
          new UserError(
            path,
            "is there already.",
            "Choose another --name or --output, or write over it with --force.",
          ),
      ),
  );
}
