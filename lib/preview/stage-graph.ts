import { label } from "./escape.ts";
import type { Preview, StagePreview } from "./preview-schema.ts";
import { isConsequence } from "./words.ts";

/** GitHub's Mermaid refuses more edges than 500, and nobody reads that many. */
const MOST_EDGES = 300;
const MOST_NODES = 90;

interface Node {
  readonly name: string;
  readonly verdict: StagePreview["verdict"];
  /** Stacks in which it has this verdict, and stacks that have it at all. */
  readonly stacks: number;
  readonly of: number;
  readonly product: boolean;
  /** Whether it changes by itself, and not only because a parent does. */
  readonly changesItself: boolean;
}

/**
 * The stages of all stacks as one Mermaid graph, changed ones marked: a stage is one node however many stacks have it.
 * Where that would be too much to look at, only what changes is drawn, then only what changes by itself; null where even
 * that is too much, or where nothing changes.
 */
export function renderGraph(preview: Preview): string | null {
  const stages = preview.stacks.flatMap((stack) => (stack.verdict === "failed" ? [] : stack.stages));
  const nodes = [...Map.groupBy(stages, ({ name }) => name)].map(([name, variants]) =>
    nodeOf(name, variants),
  );
  const changed = nodes.filter(({ verdict }) => verdict !== "unchanged");
  if (changed.length === 0) return null;
  const candidates = [
    nodes,
    changed,
    changed.filter(({ changesItself, product }) => changesItself || product),
  ];
  for (const shown of candidates) {
    const names = new Set(shown.map(({ name }) => name));
    const edges = edgesOf(stages, names);
    if (shown.length <= MOST_NODES && edges.length <= MOST_EDGES) return draw(shown, edges);
  }
  return null;
}

const strength: readonly StagePreview["verdict"][] = ["rebuild", "create", "remove", "unchanged"];

function nodeOf(name: string, variants: readonly StagePreview[]): Node {
  const verdict = strength.find((candidate) => variants.some((stage) => stage.verdict === candidate));
  return {
    name,
    verdict: verdict ?? "unchanged",
    stacks: variants.filter((stage) => stage.verdict === verdict).length,
    of: variants.length,
    product: variants.some(({ role }) => role === "product"),
    changesItself: variants.some(({ causes, verdict: change }) =>
      change === "create" ? true : causes.some((cause) => !isConsequence(cause)),
    ),
  };
}

type Edge = readonly [from: string, to: string];

function edgesOf(stages: readonly StagePreview[], names: ReadonlySet<string>): Edge[] {
  const edges = stages.flatMap(({ name, parents }) =>
    names.has(name)
      ? parents.filter((parent) => names.has(parent)).map((parent): Edge => [parent, name])
      : [],
  );
  return [...new Map(edges.map((edge) => [edge.join("\0"), edge])).values()];
}

function draw(nodes: readonly Node[], edges: readonly Edge[]): string {
  const ids = new Map(nodes.map(({ name }, index) => [name, `n${index}`]));
  const products = new Set(nodes.filter(({ product }) => product).map(({ name }) => name));
  return [
    "flowchart LR",
    ...nodes.map((node) => `  ${ids.get(node.name)}${shape(node)}:::${node.verdict}`),
    ...edges.map(([from, to]) => `  ${ids.get(from)} ${products.has(to) ? "==>" : "-->"} ${ids.get(to)}`),
    "  classDef create fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "  classDef rebuild fill:#fff8c5,stroke:#9a6700,color:#1f2328,stroke-width:2px",
    "  classDef remove fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4",
    "  classDef unchanged fill:#f6f8fa,stroke:#d0d7de,color:#656d76",
  ].join("\n");
}

function shape({ name, verdict, stacks, of, product }: Node): string {
  const some = verdict !== "unchanged" && stacks < of ? ` (${stacks} of ${of})` : "";
  const text = `"${label(`${name}${some}`)}"`;
  return product ? `[[${text}]]` : `[${text}]`;
}
