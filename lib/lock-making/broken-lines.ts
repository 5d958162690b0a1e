import { UserError } from "../../errors.ts";
import type { Requirement } from "../locks/python-lock.ts";
import { brokenVersion } from "../locks/requirement.ts";
import { fileName } from "./resolver-inputs.ts";

/** uv's words for a line that it cannot read: the file, the reason, and the line over marks below what is wrong. */
const refusal =
  /Couldn't parse requirement in `([^`]+)`[^\n]*\n\s*(?:cause|Caused by): ([^\n]+)\n\s*([^\n]+)\n/;
/** Where not even a name begins: file, line and column. */
const noStart = /Unexpected [^\n]*: (\S+\.in):(\d+):\d+/;

/**
 * The requirements that the resolver cannot read, each with who asks for it and why it is none; nothing where it failed
 * for another reason. uv stops at the first: the versions of all others are looked at here.
 */
export function brokenLines(output: string, requirements: readonly Requirement[]): UserError[] {
  const [said, refusedFile, reason = "", refusedLine = ""] = refusal.exec(output) ?? [];
  const [unexpected, file = refusedFile, number] = noStart.exec(output) ?? [];
  if (said === undefined && unexpected === undefined) return [];
  const own = requirements.filter(({ by }) => fileName(by) === file);
  const lines = [...new Set(own.map(({ line }) => line))];
  const line = number === undefined ? refusedLine.trim() : (lines[Number(number) - 1] ?? "");
  const found = new Map<string, UserError>();
  const add = (by: string, text: string, why: string) => {
    const key = `${by} ${text}`;
    if (!found.has(key)) found.set(key, new UserError(by, `asks for "${text}": ${why}.`, remedy(text)));
  };
  const asker = own.find((one) => one.line === line) ?? own[0];
  add(asker?.by ?? file ?? "", line, reason || "no name begins there");
  for (const { line: text, by } of requirements) {
    const version = brokenVersion(text);
    if (version !== undefined) add(by, text, `"${version}" names no version`);
  }
  return [...found.values()];
}

function remedy(line: string): string {
  const isWildcard = /[\d.](x|X)\b/.test(line);
  return `Take the line otherwise (\`replace\` in the recipe, with a reason), or correct your own${isWildcard ? "; any number is *, as in ==1.2.*" : ""}.`;
}
