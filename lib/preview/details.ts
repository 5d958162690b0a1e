import { causeMarkdown } from "./causes.ts";
import { cell, code, html, knownCompareLink } from "./escape.ts";
import type { LinkedVersionMove, PlannedStack, StagePreview, VersionMove } from "./preview-schema.ts";
import {
  builderText,
  evidenceText,
  expectedText,
  isConsequence,
  platformText,
  short,
  stageExpectation,
  testText,
  verdictText,
} from "./words.ts";

/** Causes of one stage that a table's cell holds. */
const SHOWN_CAUSES = 12;

/** A stack folded away, from everything there is to tell to nothing. */
export function detailForms(stack: PlannedStack): string[] {
  if (stack.verdict === "unchanged" && stack.notes.length === 0) return [""];
  const changed = stack.stages.filter(({ verdict }) => verdict !== "unchanged");
  const facts = factLines(stack);
  const moves = moveTables(stack);
  const names = changed.map(({ name, verdict }) => `${code(name)} ${verdict}`).join(", ");
  return [
    folded(stack, [facts, stageTable(changed, true), ...moves]),
    folded(stack, [facts, stageTable(changed, true)]),
    folded(stack, [facts, stageTable(changed, false)]),
    folded(stack, [names]),
    "",
  ];
}

function folded(stack: PlannedStack, parts: readonly string[]): string {
  const title = `<b>${html(stack.stack)}</b>: ${html(verdictText(stack))}`;
  return [`<details><summary>${title}</summary>`, ...parts.filter(Boolean), "</details>"].join("\n\n");
}

function factLines(stack: PlannedStack): string {
  const { comparedWith, settings, promoted, engine } = stack;
  const compared = {
    outputs: "what its last update left",
    revision: comparedWith.kind === "revision" ? `revision ${code(comparedWith.revision.slice(0, 10))}` : "",
    nothing: comparedWith.kind === "nothing" ? `nothing: ${code(comparedWith.why)}` : "",
  }[comparedWith.kind];
  const expected = expectedText(stack.expected);
  return [
    code(platformText(stack)),
    `Compared with ${compared}.`,
    ...(expected ? [`Expected: ${code(expected)}.`] : []),
    ...(builderText(stack) ? [`Builder for heavy stages: ${code(builderText(stack))}.`] : []),
    ...(testText(stack) ? [`Test: ${code(testText(stack))}.`] : []),
    ...(promoted
      ? [
          `Promoted: ${code(short(promoted.digest))}${promoted.tags.length > 0 ? ` as ${promoted.tags.map(code).join(", ")}` : ""}; evidence ${code(evidenceText(stack))}.`,
        ]
      : []),
    ...(settings.length > 0 ? [`Settings: ${settings.map(causeMarkdown).join("; ")}.`] : []),
    ...(engine
      ? [
          `Pulumi: ${code(
            Object.entries(engine.counts)
              .map(([op, count]) => `${count} ${op}`)
              .join(", "),
          )}.`,
        ]
      : []),
    ...stack.notes.map((note) => `:warning: ${code(note)}`),
  ]
    .map((line) => `- ${line}`)
    .join("\n");
}

function stageTable(stages: readonly StagePreview[], withCauses: boolean): string {
  if (stages.length === 0) return "";
  const rows = stages.map((stage) =>
    [code(stage.name), stage.verdict, code(stageExpectation(stage)), ...(withCauses ? [reasons(stage)] : [])]
      .map(cell)
      .join(" | "),
  );
  const head = ["stage", "", "expected", ...(withCauses ? ["why"] : [])];
  return table(head, rows);
}

function reasons({ causes, atMost, sharedWith, verdict, expected }: StagePreview): string {
  const directCauses = causes.filter((cause) => !isConsequence(cause));
  const parents = causes.filter(isConsequence).map(({ name }) => code(name));
  return [
    ...directCauses.slice(0, SHOWN_CAUSES).map(causeMarkdown),
    ...(directCauses.length > SHOWN_CAUSES ? [`and ${directCauses.length - SHOWN_CAUSES} more`] : []),
    ...(parents.length > 0 ? [`${atMost ? "if different: " : ""}${parents.join(" ")}`] : []),
    ...(verdict === "create" && causes.length === 0 ? ["new"] : []),
    ...(sharedWith.length > 0 && expected?.basis !== "built"
      ? [`built once with ${sharedWith.map(code).join(" ")}`]
      : []),
  ].join("<br>");
}

function moveTables({ packages, nodes, models, pins }: PlannedStack): string[] {
  return [
    moveTable("Packages", packages),
    moveTable("Nodes", nodes),
    moveTable("Models", models),
    moveTable("Pins", pins),
  ];
}

function moveTable(title: string, moves: readonly (VersionMove | LinkedVersionMove)[]): string {
  if (moves.length === 0) return "";
  const rows = moves.map((move) => {
    const compare = "link" in move && move.link !== null && knownCompareLink(move.link);
    const change = move.before === null ? "new" : move.after === null ? "gone" : "moved";
    return [code(move.name), code(short(move.before ?? "")), code(short(move.after ?? "")), compare || change]
      .map(cell)
      .join(" | ");
  });
  return `**${title}**\n\n${table(["name", "before", "after", ""], rows)}`;
}

/** A table out of rows whose cells are joined already. */
export function table(head: readonly string[], rows: readonly string[]): string {
  return [head.join(" | "), head.map(() => "---").join(" | "), ...rows].map((row) => `| ${row} |`).join("\n");
}
