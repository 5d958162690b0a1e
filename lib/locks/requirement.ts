import { validRange } from "@renovatebot/pep440";

/** A requirement on a package of an index, in its parts (PEP 508). */
export interface RequirementParts {
  /** As it is written. */
  readonly name: string;
  /** All that follows name and extras, as it is written. */
  readonly rest: string;
  /** `>=1,<2`; empty where any version will do. */
  readonly specifier: string;
  /** `sys_platform == 'win32'`; empty where it is for every machine. */
  readonly marker: string;
}

const form = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?(([^;]*)(?:;(.*))?)$/s;

/** Takes a line without comment and options apart; undefined where it does not begin with a name. */
export function parseRequirement(line: string): RequirementParts | undefined {
  const [, name, rest = "", versions = "", marker = ""] = form.exec(line.trim()) ?? [];
  if (name === undefined) return undefined;
  // In brackets, or with a comma too many, it still means the same to pip and uv.
  const [, specifier = ""] = /^\s*\(?(.*?)[\s,)]*$/s.exec(versions) ?? [];
  return { name, rest, specifier, marker: marker.trim() };
}

/** Whether a specifier is one (PEP 440): `>=1!2.0rc1` is, `=1.2` and `>=1 <2` are not. */
export function isSpecifier(text: string): boolean {
  return validRange(text);
}

/** The first part of a requirement's versions that is none, `==0.20.x`; undefined where all are. */
export function brokenVersion(line: string): string | undefined {
  const { specifier = "" } = parseRequirement(line) ?? {};
  // Other text behind a name is the resolver's to refuse.
  if (!/^[<>=!~]/.test(specifier) || isSpecifier(specifier)) return undefined;
  const part = specifier.split(",").find((each) => !isSpecifier(each.trim()));
  return (part ?? specifier).trim();
}
