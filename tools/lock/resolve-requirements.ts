import { throwAll, UserError, UserErrors } from "../../errors.ts";
import { brokenLines } from "../../lib/lock-making/broken-lines.ts";
import { coolDownPath, isTooYoung } from "../../lib/lock-making/cool-down.ts";
import { markSizes, markSources } from "../../lib/lock-making/pylock.ts";
import {
  explainResolverConflict,
  isResolverConflict,
  resolverConflictRemedy,
} from "../../lib/lock-making/resolver-conflict.ts";
import { resolverInputs } from "../../lib/lock-making/resolver-inputs.ts";
import {
  formatMissingWheels,
  type MissingWheel,
  missingWheels,
  requirementOrigins,
} from "../../lib/locks/missing-wheels.ts";
import type { Requirement } from "../../lib/locks/python-lock.ts";
import type { Resolution } from "../../lib/recipe/recipe.ts";
import { tail } from "../program/exec.ts";
import { heldBack, wheelSizes, withoutWheel, withoutYoungWheel } from "./availability.ts";
import type { Compile } from "./uv.ts";

/** What is to be resolved together. */
export interface ResolutionRequest {
  /** Path of the lock, for messages. */
  readonly path: string;
  readonly python: string;
  /** Whether the lock may say what is missing for this Python, instead of failing. */
  readonly mayMiss: boolean;
  readonly requirements: readonly Requirement[];
  readonly aliases: Resolution["aliases"];
  /** A lock whose versions are kept where they fit, instead of the newest. */
  readonly prefer?: string | undefined;
}

/** The body of a lock: everything that is asked for, resolved together, with hashes; or what is missing. */
export async function resolveRequirements(compile: Compile, request: ResolutionRequest): Promise<string> {
  const { path, python, mayMiss, requirements, aliases, prefer } = request;
  const { files, excluded } = resolverInputs(requirements, aliases);
  if (files.size === 0) return "";
  const { body, missing } = await compileWithout(excluded, request, (names) =>
    compile({ python, files, excluded: names, prefer }),
  );
  if (body === "") return formatMissingWheels(missing);
  if (body.includes("://")) {
    throw new UserError(path, "would hold an address.", "Look for one in uv's configuration.");
  }
  const resolved = { compile, python, body, requirements };
  const sources = await withoutWheel(resolved);
  const held = await heldBack(resolved, sources);
  if (!mayMiss) throwAll(path, held.map(heldBackError));
  const waiting = mayMiss ? await withoutYoungWheel(resolved, sources) : [];
  const nothing = sources
    .filter(({ name }) => !held.some((other) => other.name === name))
    .filter((source) => !source.hasSource || waiting.includes(source))
    .map(({ name, version }) => ({
      name,
      reason: `${name}==${version} has no wheel for ${python}${requirementOrigins(name, requirements)}`,
    }));
  const all = [...missing, ...nothing, ...held];
  if (all.length > 0) return formatMissingWheels(all);
  const sized = markSizes(body, await wheelSizes(resolved));
  return markSources(sized, new Set(sources.map(({ name }) => name)));
}

/** Resolves again without what turns out to be missing, until all of it is known. */
async function compileWithout(
  excluded: readonly string[],
  { path, requirements, mayMiss }: ResolutionRequest,
  compile: (excluded: readonly string[]) => ReturnType<Compile>,
): Promise<{ body: string; missing: readonly MissingWheel[] }> {
  const missing: MissingWheel[] = [];
  for (;;) {
    const names = missing.map(({ name }) => name);
    const result = await compile([...excluded, ...names]);
    if (result.ok) return { body: `${result.stdout.trimEnd()}\n`, missing };
    const more = missingWheels(result.all, requirements).filter(({ name }) => !names.includes(name));
    if (isTooYoung(result.all)) throw failure(path, result.all, requirements);
    if (mayMiss && more.length > 0) missing.push(...more);
    // Nobody uses that lock yet, so it stands in no other's way.
    else if (mayMiss && isResolverConflict(result.all))
      return { body: "", missing: [...missing, conflict(result.all)] };
    else throw failure(path, result.all, requirements);
  }
}

/** The resolver's reason in one line. */
function conflict(output: string): MissingWheel {
  const [, reason = ""] = /(Because .*)/.exec(output.replace(/\s*\n\s*/g, " ")) ?? [];
  return { name: "", reason: `no versions fit together: ${reason.slice(0, CONFLICT_SHOWN)}` };
}

const CONFLICT_SHOWN = 400;

const youngRemedy = `Something that is asked for is younger than the cool-down: name it in \`except\` of ${coolDownPath}, with a reason, or wait.`;

function failure(path: string, output: string, requirements: readonly Requirement[]): UserError {
  const said = `cannot be resolved:\n${tail(output, 30)}\n`;
  const broken = brokenLines(output, requirements);
  if (broken.length > 0) return new UserErrors(path, broken);
  if (!isResolverConflict(output)) return new UserError(path, said, "Check the network and the index.");
  const explanation = explainResolverConflict(output, requirements).replace(/^/gm, "  ");
  const remedy = isTooYoung(output) ? youngRemedy : resolverConflictRemedy;
  return new UserError(path, `${said}Who asks for what:\n${explanation}\n`, remedy);
}

function heldBackError({ name, reason }: MissingWheel): UserError {
  return new UserError(
    name,
    `${reason.slice(name.length + 1)}.`,
    "Take the node's line otherwise (`replace` in the recipe), or decide the version there (`resolution.additional`).",
  );
}
