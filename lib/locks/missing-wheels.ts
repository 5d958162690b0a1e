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
export function missingWheels(output: string, asked: readonly Requirement[]): MissingWheel[] {
  const text = output.replace(/\s*\n\s*/g, " ");
  const found = text.matchAll(
    /([A-Za-z0-9][\w.-]*?)((?:,?(?:==|>=|<=|<|>)[\w.!+*-]+)*) (?:has|have) no wheels with a matching [\w ]+ tag \(e\.g\., `(\w+)`\)/g,
  );
  return [...found].map(([, name = "", version = "", tag]) => ({
    name: normaliseName(name),
    reason: `${name}${version} has no wheel for ${tag}${requirementOrigins(name, asked)}`,
  }));
}

/** ` (layer torch asks for torch==2.12.0)`, caps first; empty when only other packages need it. */
export function requirementOrigins(name: string, asked: readonly Requirement[]): string {
  const lines = asked.filter(({ line }) => requirementName(line) === normaliseName(name));
  const ordered = [...lines.filter(isCap), ...lines.filter((one) => !isCap(one))];
  const told = [...new Set(ordered.map(({ line, by }) => `${by} asks for ${line}`))];
  const more = told.length > ASKERS_SHOWN ? `, and ${told.length - ASKERS_SHOWN} more do` : "";
  return told.length > 0 ? ` (${told.slice(0, ASKERS_SHOWN).join(", ")}${more})` : "";
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
