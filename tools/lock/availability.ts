import { type Available, parsePylock } from "../../lib/lock-making/pylock.ts";
import { isCap, type MissingWheel, requirementOrigins } from "../../lib/locks/missing-wheels.ts";
import type { Requirement } from "../../lib/locks/python-lock.ts";
import { parsePythonLock, requirementName } from "../../lib/locks/python-lock.ts";
import { isForPlatform, wheelFits } from "../../lib/recipe/wheel-names.ts";
import { type Compile, glibc } from "./uv.ts";

/** Whether a person decided the version for this recipe, which a node may not do alone. */
function isDecision(requirement: Requirement): boolean {
  return /^(layer|recipe) /.test(requirement.by) && isCap(requirement);
}

/** A resolution, and what made it. */
export interface PythonResolution {
  readonly compile: Compile;
  readonly python: string;
  readonly body: string;
  readonly requirements: readonly Requirement[];
}

/** What the index has no wheel of that fits: it is built from source. */
export async function withoutWheel({ compile, python, body }: PythonResolution): Promise<Available[]> {
  return (await available(compile, python, body)).filter(
    ({ wheels }) => !wheels.some((file) => wheelFits(file, { python, glibc })),
  );
}

/** Bytes of the wheel that a build takes, by normalised name, where the index says sizes. */
export async function wheelSizes({ compile, python, body }: PythonResolution): Promise<Map<string, number>> {
  const found = await available(compile, python, body);
  return new Map(
    found.flatMap(({ name, bytes = {} }) => {
      const fitting = Object.entries(bytes).filter(([file]) => wheelFits(file, { python, glibc }));
      // Which of several is taken, the installer decides; they are alike.
      return fitting.length > 0 ? [[name, Math.max(...fitting.map(([, size]) => size))]] : [];
    }),
  );
}

/**
 * Of what has no wheel for a young Python, that which has wheels for others: it may build from source, in hours, or not,
 * and its makers have not said so. What has no wheel at all is built for every Python.
 */
export async function withoutYoungWheel(
  { compile }: PythonResolution,
  sources: readonly Available[],
): Promise<Available[]> {
  const readySources: Available[] = [];
  for (const source of sources) {
    // uv leaves out the wheels of older Pythons than the one it is asked for.
    const older = await available(compile, oldPython, `${source.name}==${source.version}`);
    const wheels = [source, ...older].flatMap((one) => one.wheels);
    if (wheels.some((file) => isForPlatform(file, glibc))) readySources.push(source);
  }
  return readySources;
}

/** A Python that all packages are ready for which are for a younger one as well. */
const oldPython = "3.12";

/** Which files the index has of what a lock's body pins; nothing of what is for a younger Python only. */
async function available(compile: Compile, python: string, body: string): Promise<Available[]> {
  const files = new Map([["resolved.txt", [body.trimEnd()]]]);
  const args = ["--no-deps", "--universal", "--format", "pylock.toml"];
  return parsePylock((await compile({ python, files, args })).stdout);
}

/**
 * A package that has wheels, but not of the version that was chosen, is held back by somebody (`numpy<1.20`), and would
 * be compiled for hours or not at all. That needs a person's word; packages know what they need of each other.
 */
export async function heldBack(
  { compile, python, requirements }: PythonResolution,
  sources: readonly Available[],
): Promise<MissingWheel[]> {
  const missing: MissingWheel[] = [];
  for (const { name, version } of sources) {
    const lines = requirements.filter(({ line }) => requirementName(line) === name);
    // Which wheels fit a free-threaded build, uv does not tell.
    if (python.endsWith("t") || !lines.some(isCap) || lines.some(isDecision)) continue;
    const files = new Map([["alone.in", [name]]]);
    const alone = await compile({ python, files, args: ["--no-deps", "--only-binary", name] });
    if (!alone.ok) continue;
    const wheel = parsePythonLock(alone.stdout, name).get(name)?.version;
    missing.push({
      name,
      reason: `${name} ${version} exists only as source for Python ${python}, ${wheel} as a wheel${requirementOrigins(name, lines.filter(isCap))}`,
    });
  }
  return missing;
}
