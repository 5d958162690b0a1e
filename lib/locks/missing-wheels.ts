import { UserError } from "../../errors.ts";
import type { Requirement } from "./python-lock.ts";
import { normaliseName, requirementName } from "./python-lock.ts";
import { parseRequirement } from "./requirement.ts";

/** A package that cannot be had for a Python, and why. */
export interface MissingWheel {
  readonly name: string;
  readonly reason: string;
}

/** Packages that the resolver says have no file for the Python that was asked for. */
export function missingWheels(output: string, requirements: readonly Requirement[]): MissingWheel[] {
  const text = output.replace(/\s*\n\s*/g, " ");
  const matches = text.matchAll(
    /([A-Za-z0-9][\w.-]*?)((?:,?(?:==|>=|<=|<|>)[\w.!+*-]+)*) (?:has|have) no wheels with a matching [\w ]+ tag \(e\.g\., `(\w+)`\)/g,
  );
  return [...matches].map(([, name = "", version = "", tag]) => ({
    name: normaliseName(name),
    reason: `${name}${version} has no wheel for ${tag}${requirementOrigins(name, requirements)}`,
  }));
}

/** ` (layer torch asks for torch==2.12.0)`, caps first; empty when only other packages need it. */
export function requirementOrigins(name: string, requirements: readonly Requirement[]): string {
  const lines = requirements.filter(({ line }) => requirementName(line) === normaliseName(name));
  const ordered = [...lines.filter(isCap), ...lines.filter((one) => !isCap(one))];
  const origins = [...new Set(ordered.map(({ line, by }) => `${by} asks for ${line}`))];
  const more = origins.length > ASKERS_SHOWN ? `, and ${origins.length - ASKERS_SHOWN} more do` : "";
  return origins.length > 0 ? ` (${origins.slice(0, ASKERS_SHOWN).join(", ")}${more})` : "";
}

const ASKERS_SHOWN = 3;

/** Whether a line forbids newer versions, `<2` or `==1.26.4`. */
export function isCap({ line }: Requirement): boolean {
  return /<|==|~=/.test(parseRequirement(line)?.specifier ?? "");
}

/** The body of a lock that cannot be made: it pins nothing and says what is missing. */
export function formatMissingWheels(missing: readonly MissingWheel[]): string {
  // The empty line ends the header.
  return `\n${missing.map(({ reason }) => `# missing: ${reason}\n`).join("")}`;
}

/** What a lock says is missing for its Python; nothing for a whole one. */
export function missingWheelProblems(text: string, path: string): UserError[] {
  return [...text.matchAll(/^# missing: (.*)$/gm)].map(
    ([, reason = ""]) =>
      new UserError(path, `${reason}.`, "Choose another strata:python, or a recipe without this package."),
  );
}
