import type { Requirement } from "../locks/python-lock.ts";
import { normaliseName, requirementName } from "../locks/python-lock.ts";

/** Whether the resolver says that requirements contradict each other, rather than that something else failed. */
export function isResolverConflict(output: string): boolean {
  return /No solution found/.test(output);
}

/** For each package that the resolver's message names: who asks for what. Empty when nobody asks for any of them. */
export function explainResolverConflict(output: string, requirements: readonly Requirement[]): string {
  const named = new Set(
    [...joined(output).matchAll(/[A-Za-z0-9][\w.-]*/g)].map(([word]) => normaliseName(word)),
  );
  const byName = Map.groupBy(
    requirements.filter(({ line }) => named.has(requirementName(line))),
    ({ line }) => requirementName(line),
  );
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, entries]) => [
      `${name}:`,
      ...new Set(entries.map(({ line, by }) => `  ${by} asks for ${line}`)),
    ])
    .join("\n");
}

/** What to do about it. */
export const resolverConflictRemedy =
  "Take a node's line otherwise (`replace` in the recipe, with a reason), say what nobody declares " +
  "(`resolution.additional`), or leave the node out.";

/** The message without the line ends that the resolver puts in, also in the middle of a specifier. */
function joined(output: string): string {
  return output.replace(/\s*\n\s*/g, " ");
}
