import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { isPackage, projectFolder, repository } from "../../home.ts";
import { type PythonVersion, pythonVersions } from "../../lib/gpu/compatibility.ts";
import { type CoolDown, coolDownPath, parseCoolDown, withDays } from "../../lib/lock-making/cool-down.ts";
import type { HeldBack } from "../../lib/lock-making/held-back.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { findRecipe, recipes } from "../../recipes/index.ts";
import { checkLocks } from "../lock/check.ts";
import { checkExternalLocks, externalLockKinds, refreshExternalLocks } from "../lock/external-recipe.ts";
import { renderHeldBack } from "../lock/held-back/render-held-back.ts";
import { readMirrors } from "../lock/mirror-options.ts";
import { isLockKind, type LockKind, lockKinds, refresh } from "../lock/refresh.ts";
import { unusedExceptionNotes } from "../lock/unused-exceptions.ts";
import { type LockSources, readLock, writeLocks } from "../lock/write-locks.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { recipeFiles } from "../stack/stack-recipes.ts";

const HELP = `Usage: npm run lock -- [images|nodes|classes|python|models|all]... [--check] [--mirror PREFIX=REPLACEMENT]...
                       [--recipe FILE] [--with-python VERSION]... [--cool-down DAYS] [--json]

  --check          look nothing up: does every lock fit its inputs, was none edited?
  --mirror P=R     read git sources whose address begins with P from R; the lock keeps their own addresses
  --recipe FILE    the locks of an external recipe, beside its file (a project of the package: without it those that its
                   stacks name)
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
    const tellHeldBack = (held: readonly HeldBack[]) => tell(held, values.json);
    const external = externalFiles(values.recipe);
    const options = { mirrors, pythons, coolDownOf, tellHeldBack };
    const kinds = (all = chosen === lockKinds) => externalLockKinds(chosen, all);
    for (const file of external) await lockExternal(file, kinds(), options, values.check);
    if (external.length > 0) return 0;
    const sources = { root: repository, recipes: Object.values(recipes) };
    if (values.check) {
      checkLocks(sources, chosen);
      return 0;
    }
    const coolDown = coolDownOf(repository);
    const files = await refresh(chosen, { ...sources, mirrors, pythons, coolDown, tellHeldBack }, note);
    await writeLocks(repository, files);
    for (const line of unusedExceptionNotes(coolDown, repository)) note(line);
    return 0;
  },
  { help: HELP },
);

/** The recipes outside of strata that are meant. What a package brings is not locked where it is used. */
function externalFiles(file: string | undefined): string[] {
  if (file !== undefined) return [file];
  return isPackage ? recipeFiles(projectFolder) : [];
}

async function lockExternal(
  file: string,
  chosen: readonly LockKind[],
  options: Pick<LockSources, "mirrors" | "pythons" | "tellHeldBack"> & {
    coolDownOf: (folder: string) => CoolDown;
  },
  check = false,
): Promise<void> {
  const { recipe, folder } = await findRecipe(file);
  if (folder === undefined) {
    throw new UserError(
      "--recipe",
      `${file} is strata's own.`,
      "Leave --recipe out: its locks are made together.",
    );
  }
  const { mirrors, coolDownOf, ...asked } = options;
  const external = { recipe, folder, strata: repository, ...asked, coolDown: coolDownOf(folder) };
  if (check) checkExternalLocks(chosen, external);
  else {
    await writeLocks(folder, await refreshExternalLocks(chosen, external, mirrors, note));
    for (const line of unusedExceptionNotes(external.coolDown, folder)) note(line);
  }
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
