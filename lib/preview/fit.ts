/** A part of a comment, from its longest form to its shortest, which may be empty. */
export interface Section {
  readonly forms: readonly string[];
  /** Higher ones get their long form first. */
  readonly importance: number;
}

/** What fits, and whether anything had to be shortened. */
export interface FittedText {
  readonly text: string;
  readonly shortened: boolean;
}

/**
 * Puts sections together in their order within `limit` characters: all begin with their shortest form, and the most
 * important ones get longer ones while there is room. Should even the shortest be too much, the least important go
 * whole, and what is left is cut at a line.
 */
export function fit(sections: readonly Section[], limit: number): FittedText {
  const chosen = sections.map(({ forms }) => forms.at(-1) ?? "");
  const byImportance = sections
    .map(({ importance }, index) => ({ importance, index }))
    .toSorted((a, b) => b.importance - a.importance);
  for (const { index } of byImportance.toReversed()) {
    if (lengthOf(chosen) <= limit) break;
    if (index !== byImportance[0]?.index) chosen[index] = "";
  }
  for (const { index } of byImportance) {
    const longer = sections[index]?.forms.find(
      (form) => lengthOf(chosen.with(index, form)) <= limit && form.length > (chosen[index]?.length ?? 0),
    );
    if (longer !== undefined) chosen[index] = longer;
  }
  const text = joined(chosen);
  return {
    text: text.length <= limit ? text : text.slice(0, Math.max(0, text.lastIndexOf("\n", limit))),
    shortened: text.length > limit || sections.some(({ forms }, index) => chosen[index] !== forms[0]),
  };
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}

function lengthOf(parts: readonly string[]): number {
  return joined(parts).length;
}
