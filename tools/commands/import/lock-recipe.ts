import { completeDefaults } from "../../../config.ts";
import { UserError } from "../../../errors.ts";
import { type CoolDown, coolDownWords } from "../../../lib/lock-making/cool-down.ts";
import { formatNodeLock, joinNodeLocks, type NodeLock, nodeLockPath } from "../../../lib/locks/node-lock.ts";
import { normaliseName, parsePythonLock } from "../../../lib/locks/python-lock.ts";
import { lockPath } from "../../../lib/plan/lock-inputs.ts";
import { lockPython } from "../../lock/lock-python.ts";
import { installUv } from "../../lock/uv.ts";
import type { LockFile } from "../../lock/write-locks.ts";
import { note } from "../../program/progress.ts";
import { inOneLine } from "./import-failure.ts";
import type { ImportReport } from "./import-report.ts";
import type { MadeRecipe } from "./make-recipe.ts";

/** Locks as far as they could be made. */
export interface MadeLocks {
  readonly files: readonly LockFile[];
  readonly told: ImportReport["locks"];
  readonly packages: ImportReport["packages"];
}

/** Where locks go, and what they are made beside. */
export interface LockPlace {
  readonly strata: NodeLock;
  readonly folder: string;
  readonly coolDown: CoolDown;
}

/** Makes the locks beside a recipe. What cannot be made now is told, and the recipe is good without it. */
export async function lockRecipe(
  made: MadeRecipe,
  installed: readonly string[],
  { strata, folder, coolDown }: LockPlace,
): Promise<MadeLocks> {
  const { python, cuda } = completeDefaults(made.recipe);
  const name = { recipe: made.recipe.name, python, cuda };
  const path = lockPath(name);
  if (made.lock === undefined) {
    const problem = made.unreachable ?? null;
    const told = [nodeLockPath, path].map((each) => ({ path: each, made: false, problem }));
    return { files: [], told, packages: compared(installed, undefined) };
  }
  const own = Object.keys(made.lock.repositories).length > 0;
  const nodes = own ? [{ path: nodeLockPath, text: formatNodeLock(made.lock) }] : [];
  const toldNodes = own ? [{ path: nodeLockPath, made: true, problem: null }] : [];
  try {
    const request = {
      root: folder,
      recipe: made.recipe,
      name,
      nodes: joinNodeLocks(strata, made.lock),
      // What was installed, where nothing speaks against it.
      prefer: installed.length > 0 ? `${installed.join("\n")}\n` : undefined,
      coolDown: coolDownWords(coolDown),
    };
    const files = await lockPython(await installUv(coolDown), [request], note);
    return {
      files: [...nodes, ...files],
      told: [...toldNodes, { path, made: true, problem: null }],
      packages: compared(installed, files[0]),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    note(error.message);
    return {
      files: nodes,
      told: [...toldNodes, { path, made: false, problem: inOneLine(error) }],
      packages: compared(installed, undefined),
    };
  }
}

/** What became of the packages that were installed. */
function compared(installed: readonly string[], lock: LockFile | undefined): ImportReport["packages"] {
  if (lock === undefined) return { kept: 0, moved: [], unasked: [] };
  const locked = parsePythonLock(lock.text, lock.path);
  const before = installed
    .map((line) => line.split("=="))
    .map(([name = "", version = ""]) => ({ name, version }));
  const now = before.map(({ name, version }) => ({
    name,
    version,
    to: locked.get(normaliseName(name))?.version,
  }));
  return {
    kept: now.filter(({ version, to }) => version === to).length,
    moved: now.flatMap(({ name, version, to }) =>
      to === undefined || to === version ? [] : [{ name, from: version, to }],
    ),
    unasked: now.filter(({ to }) => to === undefined).map(({ name }) => name),
  };
}
