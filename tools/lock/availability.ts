import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Asked } from "../../lib/comfyui.ts";
import { askers, type Missing } from "../../lib/missing.ts";
import { type Available, parsePylock } from "../../lib/pylock.ts";
import { parsePythonLock, requirementName } from "../../lib/python-lock.ts";
import { wheelFits } from "../../lib/wheel-names.ts";
import { type Compile, glibc } from "./uv.ts";

/** Whether a line forbids newer versions, `<2` or `==1.26.4`. */
function isCap({ line }: Asked): boolean {
  return /<|==|~=/.test(line.split(";")[0] ?? "");
}

/** Whether a person decided the version for this recipe, which a node may not do alone. */
function isDecision(asked: Asked): boolean {
  return /^(layer|recipe) /.test(asked.by) && isCap(asked);
}

/** A resolution, where it was made. */
export interface Resolved {
  readonly compile: Compile;
  readonly folder: string;
  readonly python: string;
  readonly body: string;
  readonly asked: readonly Asked[];
}

/** What the index has no wheel of that fits: it is built from source. */
export async function withoutWheel({ compile, folder, python, body }: Resolved): Promise<Available[]> {
  await writeFile(join(folder, "resolved.txt"), body);
  const args = ["resolved.txt", "--no-deps", "--universal", "--format", "pylock.toml"];
  const { stdout } = await compile(folder, python, args);
  return parsePylock(stdout).filter(
    ({ wheels }) => !wheels.some((file) => wheelFits(file, { python, glibc })),
  );
}

/**
 * A package that has wheels, but not of the version that was chosen, is held back by somebody (`numpy<1.20`), and would
 * be compiled for hours or not at all. That needs a person's word; packages know what they need of each other.
 */
export async function heldBack(
  { compile, folder, python, asked }: Resolved,
  sources: readonly Available[],
): Promise<Missing[]> {
  const found: Missing[] = [];
  for (const { name, version } of sources) {
    const lines = asked.filter(({ line }) => requirementName(line) === name);
    // Which wheels fit a free-threaded build, uv does not tell.
    if (python.endsWith("t") || !lines.some(isCap) || lines.some(isDecision)) continue;
    await writeFile(join(folder, "alone.in"), `${name}\n`);
    const alone = await compile(folder, python, ["alone.in", "--no-deps", "--only-binary", name]);
    if (!alone.ok) continue;
    const wheel = parsePythonLock(alone.stdout, name).get(name)?.version;
    found.push({
      name,
      reason: `${name} ${version} exists only as source for Python ${python}, ${wheel} as a wheel${askers(name, lines.filter(isCap))}`,
    });
  }
  return found;
}
