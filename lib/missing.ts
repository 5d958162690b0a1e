import { UserError } from "../errors.ts";
import type { Asked } from "./comfyui.ts";
import { normaliseName, requirementName } from "./python-lock.ts";

/** A package that cannot be had for a Python, and why. */
export interface Missing {
  readonly name: string;
  readonly reason: string;
}

/** Packages that the resolver says have no file for the Python that was asked for. */
export function withoutWheels(output: string, asked: readonly Asked[]): Missing[] {
  const text = output.replace(/\s*\n\s*/g, " ");
  const found = text.matchAll(
    /([A-Za-z0-9][\w.-]*?)((?:==|>=|<=|<|>)[\w.!+*-]+)? (?:has|have) no wheels with a matching [\w ]+ tag \(e\.g\., `(\w+)`\)/g,
  );
  return [...found].map(([, name = "", version = "", tag]) => ({
    name: normaliseName(name),
    reason: `${name}${version} has no wheel for ${tag}${askers(name, asked)}`,
  }));
}

/** ` (layer torch asks for torch==2.12.0)`; empty when only other packages need it. */
export function askers(name: string, asked: readonly Asked[]): string {
  const lines = asked
    .filter(({ line }) => requirementName(line) === normaliseName(name))
    .map(({ line, by }) => `${by} asks for ${line}`);
  return lines.length > 0 ? ` (${[...new Set(lines)].join(", ")})` : "";
}

/** The body of a lock that cannot be made: it pins nothing and says what is missing. */
export function formatMissing(missing: readonly Missing[]): string {
  // The empty line ends the header.
  return `\n${missing.map(({ reason }) => `# missing: ${reason}\n`).join("")}`;
}

/** What a lock says is missing for its Python; nothing for a whole one. */
export function missingPackages(text: string, path: string): UserError[] {
  return [...text.matchAll(/^# missing: (.*)$/gm)].map(
    ([, reason = ""]) =>
      new UserError(path, `${reason}.`, "Choose another strata:python, or a recipe without this package."),
  );
}
