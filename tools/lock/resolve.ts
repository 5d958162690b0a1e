import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { throwAll, UserError } from "../../errors.ts";
import type { Asked } from "../../lib/comfyui.ts";
import { conflictRemedy, explainConflict, isConflict } from "../../lib/conflict.ts";
import { type LockName, lockPath } from "../../lib/lock-inputs.ts";
import { markSources, parsePylock } from "../../lib/pylock.ts";
import { parsePythonLock, requirementName } from "../../lib/python-lock.ts";
import type { Resolution } from "../../lib/recipe.ts";
import { resolverInputs } from "../../lib/resolver-inputs.ts";
import { wheelFits } from "../../lib/wheel-names.ts";
import { tail } from "../exec.ts";
import { type Compile, glibc } from "./uv.ts";

/** Who decides by hand what a node may not: a person wrote these lines for this recipe. */
const ours = /^(layer|recipe|git package) /;

/** The body of a lock: everything that is asked for, resolved together, with hashes. */
export async function resolve(
  compile: Compile,
  name: LockName,
  asked: readonly Asked[],
  aliases: Resolution["aliases"],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "strata-lock-"));
  try {
    const { files, excluded } = resolverInputs(asked, aliases);
    for (const [file, lines] of files) await writeFile(join(folder, file), `${lines.join("\n")}\n`);
    await writeFile(join(folder, "excluded.txt"), excluded.map((line) => `${line}\n`).join(""));
    const result = await compile(folder, name.python, [
      ...files.keys(),
      ...["--excludes", "excluded.txt", "--upgrade"],
    ]);
    if (!result.ok) throw failure(name, result.all, asked);
    const body = `${result.stdout.trimEnd()}\n`;
    if (body.includes("://")) {
      throw new UserError(lockPath(name), "would hold an address.", "Look for one in uv's configuration.");
    }
    const fromSource = await sourceOnly(compile, folder, name, body);
    await refuseHeldBack(compile, folder, name, { body, fromSource, asked });
    return markSources(body, fromSource);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failure(name: LockName, output: string, asked: readonly Asked[]): UserError {
  const said = `cannot be resolved:\n${tail(output, 30)}\n`;
  if (!isConflict(output)) return new UserError(lockPath(name), said, "Check the network and the index.");
  const explanation = explainConflict(output, asked).replace(/^/gm, "  ");
  return new UserError(lockPath(name), `${said}Who asks for what:\n${explanation}\n`, conflictRemedy);
}

/** Names of what the index has no wheel of that fits. */
async function sourceOnly(
  compile: Compile,
  folder: string,
  { python, ...name }: LockName,
  body: string,
): Promise<Set<string>> {
  await writeFile(join(folder, "resolved.txt"), body);
  const result = await compile(folder, python, ["resolved.txt", "--no-deps", "--format", "pylock.toml"]);
  if (!result.ok) throw failure({ ...name, python }, result.all, []);
  return new Set(
    parsePylock(result.stdout)
      .filter(({ wheels }) => !wheels.some((file) => wheelFits(file, { python, glibc })))
      .map((available) => available.name),
  );
}

interface Resolved {
  readonly body: string;
  readonly fromSource: ReadonlySet<string>;
  readonly asked: readonly Asked[];
}

/**
 * A package that has wheels, but not of the version that was chosen, is held back by somebody (`numpy<1.20`), and would
 * be compiled for hours or not at all. That needs a person's word.
 */
async function refuseHeldBack(
  compile: Compile,
  folder: string,
  name: LockName,
  { body, fromSource, asked }: Resolved,
): Promise<void> {
  const lock = parsePythonLock(body, lockPath(name));
  const problems: UserError[] = [];
  for (const source of fromSource) {
    const askers = asked.filter(({ line }) => requirementName(line) === source);
    // Packages know what they need of each other; the lines of nodes are another matter.
    if (askers.length === 0 || askers.some(({ by }) => ours.test(by))) continue;
    await writeFile(join(folder, "alone.in"), `${source}\n`);
    const alone = await compile(folder, name.python, ["alone.in", "--no-deps", "--only-binary", source]);
    if (!alone.ok) continue;
    const wheel = parsePythonLock(alone.stdout, source).get(source)?.version;
    const version = lock.get(source)?.version ?? "";
    const who = askers.map(({ line, by }) => `${by} asks for ${line}`);
    problems.push(
      new UserError(
        source,
        `${version} exists only as source for Python ${name.python}, ${wheel} as a wheel: ${who.join(", ")}.`,
        `Take a node's line otherwise (\`replace\`), or decide it with \`resolution.additional\`: ${source}==${wheel} or ${source}==${version}.`,
      ),
    );
  }
  throwAll(lockPath(name), problems);
}
