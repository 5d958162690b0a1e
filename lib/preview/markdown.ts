import { causeForms } from "./causes.ts";
import { detailForms, table } from "./details.ts";
import { cell, code, codeBlock, link } from "./escape.ts";
import { dollarsOfAll, rentOfAll } from "./expected-test.ts";
import { fit, type Section } from "./fit.ts";
import type { Preview, StackPreview } from "./preview-schema.ts";
import { renderGraph } from "./stage-graph.ts";
import { vulnerabilityForms } from "./vulnerability-section.ts";
import { evidenceText, expectedText, money, sizeText, testCell, verdictText } from "./words.ts";

/** Where the rest is, for a reader of the comment. */
export interface Links {
  /** The page with the complete result. */
  readonly artifact?: string | undefined;
}

/** Characters of a stack's reason to fail that are shown, from many to few. */
const REASON_LENGTHS = [4_000, 1_000, 300];
/** Room for the line that says that something was left out. */
const RESERVE = 400;

/** The preview as GitHub's Markdown: summary, reasons, folded details, a graph. At most `limit` characters. */
export function renderMarkdown(
  preview: Preview,
  limit = Number.POSITIVE_INFINITY,
  links: Links = {},
): string {
  const { text, shortened } = fit(sections(preview), limit - RESERVE);
  return [text, footer(preview, shortened, links)].join("\n\n");
}

/** In the order in which they are read; importance decides who keeps the long form. */
function sections(preview: Preview): Section[] {
  const graph = renderGraph(preview);
  return [
    { importance: 100, forms: [summaryTable(preview)] },
    ...preview.stacks.flatMap((stack) =>
      stack.verdict === "failed" ? [{ importance: 90, forms: failureForms(stack) }] : [],
    ),
    { importance: 80, forms: causeForms(preview) },
    { importance: 75, forms: vulnerabilityForms(preview) },
    { importance: 70, forms: [together(preview), ""] },
    ...preview.stacks.flatMap((stack) =>
      stack.verdict === "failed" ? [] : [{ importance: 50, forms: detailForms(stack) }],
    ),
    {
      importance: 30,
      forms: graph
        ? [
            `<details><summary>Graph of the stages</summary>\n\n\`\`\`mermaid\n${graph}\n\`\`\`\n\n</details>`,
            "",
          ]
        : [""],
    },
  ];
}

function summaryTable({ stacks }: Preview): string {
  const rows = stacks.map((stack) => {
    const cells =
      stack.verdict === "failed"
        ? [code(stack.stack), ":x: failed", "", "", "", "", ""]
        : [
            code(stack.stack),
            `${stack.verdict === "unchanged" ? ":white_check_mark:" : ":building_construction:"} ${verdictText(stack)}`,
            code(expectedText(stack.expected)),
            code(sizeText(stack.size)),
            code(testCell(stack)),
            code(`${stack.platform.generation}, driver ${stack.platform.minimumDriver}`),
            code(evidenceText(stack)),
          ];
    return cells.map(cell).join(" | ");
  });
  const head = [
    "stack",
    "next update",
    "expected",
    "size",
    "test",
    "runs on",
    "evidence of what is promoted",
  ];
  return `### Preview\n\n${table(head, rows)}`;
}

function failureForms({ stack, problem }: StackPreview & { verdict: "failed" }): string[] {
  return REASON_LENGTHS.map((most) => {
    const shown = problem.length > most ? `${problem.slice(0, most)}…` : problem;
    return `:x: ${code(stack)} cannot be previewed:\n\n${codeBlock(shown)}`;
  });
}

/** What stacks share, and what it takes to build all of them. */
function together({ stacks, shared, expected }: Preview): string {
  if (stacks.length < 2) return "";
  const groups = Map.groupBy(shared, ({ stacks: sharers }) => sharers.join("\0"));
  const lines = [...groups].map(([sharers, stages]) => {
    const names = sharers.split("\0");
    const who = names.length === stacks.length ? "all stacks" : names.map(code).join(", ");
    return `- Built once for ${who}: ${stages.map(({ stage }) => code(stage)).join(", ")}`;
  });
  const silent = expected.unknown.length > 0 ? ` (no history for ${expected.unknown.length} stages)` : "";
  const total = expectedText({ ...expected, unknown: [] });
  const [tests, builders] = [dollarsOfAll(stacks), rentOfAll(stacks)];
  return [
    ...lines,
    ...(total || silent ? [`- All together: ${total || "not known"}${silent}`] : []),
    ...(tests > 0 ? [`- Tests: about ${money(tests)}`] : []),
    ...(builders > 0 ? [`- Builders for heavy stages: about ${money(builders)}`] : []),
  ].join("\n");
}

function footer({ revision }: Preview, shortened: boolean, { artifact }: Links): string {
  const completeResult = artifact
    ? link("the complete result", artifact)
    : "the complete result is in the run's artifacts";
  return [
    ...(shortened
      ? [
          `:scissors: Shortened to what a comment can hold; ${completeResult}${artifact ? " has the rest" : ""}.`,
        ]
      : []),
    `<sub>${revision ? `Inputs of ${code(revision)}.` : "Not a git checkout."}${artifact && !shortened ? ` ${completeResult}.` : ""}</sub>`,
  ].join("\n\n");
}
