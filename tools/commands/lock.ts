import { join } from "node:path";
import { parseArgs } from "node:util";
import { throwAll, UserError } from "../../errors.ts";
import { isPackage, projectFolder, repository } from "../../home.ts";
import { type PythonVersion, pythonVersions } from "../../lib/gpu/compatibility.ts";
import { type CoolDown, coolDownPath, parseCoolDown, withDays } from "../../lib/lock-making/cool-down.ts";
import type { HeldBack } from "../../lib/lock-making/held-back.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { withComfyUiRef } from "../../recipes/comfyui-ref.ts";
import { findRecipe, recipes } from "../../recipes/index.ts";
import { checkLocks } from "../lock/check.ts";
import { unusedExceptionNotes } from "../lock/cool-down/unused-exceptions.ts";
import { checkExternalLocks, externalLockKinds, refreshExternalLocks } from "../lock/external-recipe.ts";
import { renderHeldBack } from "../lock/held-back/render-held-back.ts";
import { readMirrors } from "../lock/mirror-options.ts";
import { isLockKind, type LockKind, lockKinds, refresh } from "../lock/refresh.ts";
import { type LockSources, readLock, writeLocks } from "../lock/write-locks.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { stackRecipes } from "../stack/stack-recipes.ts";

const HELP = `Usage: npm run lock -- [images|packages|nodes|classes|python|models|all]... [--check] [--mirror PREFIX=REPLACEMENT]...
                       [--recipe FILE] [--comfyui REF] [--with-python VERSION]... [--cool-down DAYS] [--json]

  --check          look nothing up: does every lock fit its inputs, was none edited?
  --mirror P=R     read git sources whose address begins with P from R; the lock keeps their own addresses
  --recipe FILE    the locks of an external recipe, beside its file (a project of the package: without it those that its
                   stacks name)
  --comfyui REF    with --recipe NAME, one of strata's own: its locks for ComfyUI at another branch, tag or commit, as
                   strata:comfyui.ref takes them
  --with-python V  locks for this Python too, which no base image of locks/images.json brings
  --cool-down D    take nothing that is younger than D days; without it as locks/cool-down.json says, which names
                   exceptions too
  --json           print what is held back as one JSON object

Looks everything up anew and prints what moved. When anything fails, no file changes.`;

/**
 * `npm run lock [-- images|nodes|classes|python|models|all] [--check] [--mirror PREFIX=REPLACEMENT] [--recipe FILE]`: looks
 * everything up anew and prints what moved, or checks that the locks fit their inputs (off line). With the file of an
 * external recipe: the locks beside it.
 */
await main(
  async () => {
    const { values, positionals } = parseOptions();
    const chosen = chosenParts(positionals);
    const mirrors = readMirrors(values.mirror ?? []);
    const pythons = chosenPythons(values["with-python"] ?? []);
    const coolDownOf = (folder: string) =>
      withDays(parseCoolDown(readLock(folder, coolDownPath)), values["cool-down"]);
    refuseUnheard(values, chosen);
    const held: HeldBack[] = [];
    const tellHeldBack = (found: readonly HeldBack[]) => void held.push(...found);
    const external = externalFiles(values.recipe);
    if (values.comfyui !== undefined && values.recipe === undefined) {
      throw new UserError("--comfyui", "is for one recipe.", "Name it: --recipe vast.");
    }
    const options = { mirrors, pythons, coolDownOf, tellHeldBack, comfyui: values.comfyui };
    const kinds = (all = chosen === lockKinds) => externalLockKinds(chosen, all);
    for (const file of external) await lockExternal(file, kinds(), options, values.check);
    if (external.length > 0) {
      tell(held, values.json);
      return 0;
    }
    const sources = { root: repository, recipes: Object.values(recipes) };
    if (values.check) {
      checkLocks(sources, chosen);
      return 0;
    }
    const coolDown = coolDownOf(repository);
    const files = await refresh(chosen, { ...sources, mirrors, pythons, coolDown, tellHeldBack }, note);
    await writeLocks(repository, files);
    for (const line of unusedExceptionNotes(coolDown, repository)) note(line);
    tell(held, values.json);
    return 0;
  },
  { help: HELP },
);

/** The recipes outside of strata that are meant. What a package brings is not locked where it is used. */
function externalFiles(file: string | undefined): string[] {
  if (file !== undefined) return [file];
  return isPackage ? stackRecipes(projectFolder) : [];
}

async function lockExternal(
  file: string,
  chosen: readonly LockKind[],
  options: Pick<LockSources, "mirrors" | "pythons" | "tellHeldBack"> & {
    coolDownOf: (folder: string) => CoolDown;
    comfyui: string | undefined;
  },
  check = false,
): Promise<void> {
  const selected = withComfyUiRef(await findRecipe(file), options.comfyui);
  const { recipe, locks } = selected;
  const folder = locks === undefined ? selected.folder : join(repository, locks);
  if (folder === undefined) {
    throw new UserError(
      "--recipe",
      `${file} is strata's own.`,
      "Leave --recipe out: its locks are made together.",
    );
  }
  const { mirrors, coolDownOf, comfyui: _, ...asked } = options;
  const external = { recipe, folder, strata: repository, ...asked, coolDown: coolDownOf(folder) };
  if (check) checkExternalLocks(chosen, external);
  else {
    await writeLocks(folder, await refreshExternalLocks(chosen, external, mirrors, note));
    for (const line of unusedExceptionNotes(external.coolDown, folder)) note(line);
  }
}

/** An option that changes nothing is a mistake of who gives it. */
function refuseUnheard(
  { check, ...values }: ReturnType<typeof parseOptions>["values"],
  chosen: readonly LockKind[],
): void {
  const given = (["json", "with-python", "cool-down"] as const).filter((name) => values[name] !== undefined);
  const needsPython = given.filter((name) => name !== "cool-down" && !chosen.includes("python"));
  const unheard = check ? given : needsPython;
  throwAll(
    "lock",
    unheard.map(
      (name) =>
        new UserError(
          `--${name}`,
          check ? "has no meaning beside --check, which looks nothing up." : "is for Python's locks alone.",
          "Leave it out.",
        ),
    ),
  );
}

/** What is held back: on stdout as JSON, else beside what moved. */
function tell(held: readonly HeldBack[], asJson = false): void {
  if (asJson) process.stdout.write(`${JSON.stringify({ heldBack: held }, null, 2)}\n`);
  else if (held.length > 0) note(renderHeldBack(held));
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        check: { type: "boolean" },
        mirror: { type: "string", multiple: true },
        recipe: { type: "string" },
        comfyui: { type: "string" },
        "with-python": { type: "string", multiple: true },
        "cool-down": { type: "string" },
        json: { type: "boolean" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UserError("lock", (error as Error).message, "");
  }
}

/** Those that are named, in the order in which they are made; all of them without a name. */
function chosenParts(names: readonly string[]): readonly LockKind[] {
  if (names.length === 0 || names.includes("all")) return lockKinds;
  for (const name of names) {
    if (!isLockKind(name)) {
      throw new UserError(
        name,
        `is not a lock; there are ${lockKinds.join(", ")}.`,
        didYouMean(name, lockKinds) || `Use: npm run lock -- ${lockKinds.join("|")}|all`,
      );
    }
  }
  return lockKinds.filter((kind) => names.includes(kind));
}

function chosenPythons(versions: readonly string[]): PythonVersion[] {
  return versions.map((version) => {
    const known = pythonVersions.find((each) => each === version);
    if (known) return known;
    throw new UserError(
      "--with-python",
      `expected one of ${pythonVersions.join(", ")}, got "${version}".`,
      didYouMean(version, pythonVersions),
    );
  });
}
