import { dollarsOfAll, rentOfAll } from "./expected-test.ts";
import type { PlannedStack, Preview, StackPreview, StagePreview } from "./preview-schema.ts";
import { vulnerabilityLines } from "./vulnerability-section.ts";
import {
  builderText,
  causeText,
  evidenceText,
  expectedText,
  isConsequence,
  listed,
  money,
  platformText,
  short,
  sizeText,
  stageExpectation,
  testText,
  trimText,
  verdictText,
} from "./words.ts";

/** How a text looks, by what it means; the terminal decides whether it gets colours at all. */
export type TextStyle = "good" | "changed" | "gone" | "bad" | "quiet" | "strong";
export type Paint = (look: TextStyle, text: string) => string;

const looks: { readonly [verdict in StagePreview["verdict"]]: TextStyle } = {
  create: "good",
  rebuild: "changed",
  unchanged: "quiet",
  remove: "gone",
};

/** The preview for a terminal: a stack, below it its changed stages, below them their causes. */
export function renderTree(preview: Preview, paint: Paint): string {
  const blocks = preview.stacks.map((stack) => stackTree(stack, preview.stacks.length - 1, paint).join("\n"));
  return [...blocks, ...summary(preview, paint)].join("\n\n");
}

function stackTree(stack: StackPreview, others: number, paint: Paint): string[] {
  const head = `${paint("strong", stack.stack)}  `;
  if (stack.verdict === "failed") {
    return [`${head}${paint("bad", "failed")}`, ...indented(stack.problem.split("\n"), "  ")];
  }
  const look = stack.verdict === "unchanged" ? "quiet" : "changed";
  const facts = [
    platformText(stack),
    comparison(stack),
    ...fact("expected", expectedText(stack.expected)),
    ...fact("size", sizeText(stack.size)),
    ...fact("trim", trimText(stack)),
    ...fact("builder", builderText(stack)),
    ...fact("test", testText(stack)),
    ...fact("promoted", stack.promoted ? short(stack.promoted.digest) : ""),
    ...fact("evidence", stack.evidence ? evidenceText(stack) : ""),
    ...fact("pulumi", engineText(stack)),
  ];
  return [
    `${head}${paint(look, verdictText(stack))}`,
    ...indented(facts, "  ").map((line) => paint("quiet", line)),
    ...branches(sections(stack, others, paint)),
  ];
}

function fact(name: string, text: string): string[] {
  return text === "" ? [] : [`${name}: ${text}`];
}

function comparison({ comparedWith }: PlannedStack): string {
  switch (comparedWith.kind) {
    case "outputs":
      return "compared with its last update";
    case "revision":
      return `compared with revision ${comparedWith.revision.slice(0, 10)}`;
    case "nothing":
      return `compared with nothing: ${comparedWith.why}`;
  }
}

function engineText({ engine }: PlannedStack): string {
  if (!engine) return "";
  return Object.entries(engine.counts)
    .map(([op, count]) => `${count} ${op}`)
    .join(", ");
}

/** A branch of the tree: its first line, and what hangs below it. */
type Branch = readonly [head: string, ...below: string[]];

function sections(stack: PlannedStack, others: number, paint: Paint): Branch[] {
  const width = Math.max(0, ...stack.stages.map(({ name }) => name.length));
  const changed = stack.stages.filter(({ verdict }) => verdict !== "unchanged");
  const kept = stack.stages.filter(({ verdict }) => verdict === "unchanged").map(({ name }) => name);
  const moves = [...stack.packages, ...stack.nodes, ...stack.models, ...stack.pins];
  return [
    ...changed.map((stage): Branch => [stageLine(stage, width, others, paint), ...stageCauses(stage)]),
    ...(kept.length > 0
      ? [[paint("quiet", `${"unchanged".padEnd(width)}  ${kept.join(", ")}`)] as const]
      : []),
    ...(stack.settings.length > 0
      ? [["settings".padEnd(width), ...stack.settings.map(causeText)] as Branch]
      : []),
    ...(moves.length > 0 ? [["locks".padEnd(width), ...moves.map((move) => moveText(move))] as Branch] : []),
    ...(stack.vulnerabilities
      ? [
          [
            `vulnerabilities against ${stack.vulnerabilities.against}`,
            ...vulnerabilityLines(stack.vulnerabilities),
          ] as Branch,
        ]
      : []),
    ...stack.notes.map((note): Branch => [paint("bad", `note: ${note}`)]),
  ];
}

function moveText({ name, before, after }: PlannedStack["packages"][number]): string {
  if (before === null) return `${name} ${short(after ?? "")} is new`;
  return after === null ? `${name} ${short(before)} is gone` : `${name} ${short(before)} → ${short(after)}`;
}

function stageLine(stage: StagePreview, width: number, others: number, paint: Paint): string {
  const expected = stageExpectation(stage);
  const remarks = [
    expected,
    stage.atMost ? "only if a parent comes out different" : "",
    sharers(stage, others),
  ].filter(Boolean);
  const verdict = paint(looks[stage.verdict], stage.verdict.padEnd("unchanged".length));
  return `${stage.name.padEnd(width)}  ${verdict}  ${paint("quiet", remarks.join("; "))}`.trimEnd();
}

function sharers({ sharedWith, expected }: StagePreview, others: number): string {
  if (sharedWith.length === 0 || expected?.basis === "built") return "";
  return sharedWith.length === others
    ? "built once for all stacks"
    : `built once with ${listed(sharedWith, 4)}`;
}

/** Parents in one line: they are consequences, the rest are reasons. */
function stageCauses({ causes }: StagePreview): string[] {
  const parents = causes.filter(isConsequence);
  const directCauses = causes.filter((cause) => !isConsequence(cause)).map(causeText);
  if (parents.length < 2) return [...directCauses, ...parents.map(causeText)];
  return [...directCauses, `parents changed: ${parents.map(({ name }) => name).join(", ")}`];
}

function branches(all: readonly Branch[]): string[] {
  return all.flatMap(([head, ...below], index) => {
    const last = index === all.length - 1;
    return [`${last ? "└─" : "├─"} ${head}`, ...indented(below, last ? "     " : "│    ")];
  });
}

function indented(lines: readonly string[], by: string): string[] {
  return lines.map((line) => `${by}${line}`);
}

/** What several stacks have in common; one stack alone has told everything. */
function summary({ stacks, shared, expected }: Preview, paint: Paint): string[] {
  if (stacks.length < 2) return [];
  const groups = Map.groupBy(shared, ({ stacks: sharers }) => sharers.join(", "));
  const lines = [...groups].map(
    ([sharers, stages]) => `built once for ${sharers}: ${stages.map(({ stage }) => stage).join(", ")}`,
  );
  const total = expectedText({ ...expected, unknown: [] });
  const silent = expected.unknown.length > 0 ? `; no history for ${expected.unknown.length} stages` : "";
  const all = total || silent ? [`all together: ${total || "not known"}${silent}`] : [];
  const [tests, builders] = [dollarsOfAll(stacks), rentOfAll(stacks)];
  const summaryLines = [
    ...lines,
    ...all,
    ...(tests > 0 ? [`tests: about ${money(tests)}`] : []),
    ...(builders > 0 ? [`builders for heavy stages: about ${money(builders)}`] : []),
  ];
  return summaryLines.length > 0 ? [summaryLines.map((line) => paint("quiet", line)).join("\n")] : [];
}
