import assert from "node:assert/strict";
import { test } from "node:test";
import type { Preview, StagePreview } from "../../../../lib/preview/preview-schema.ts";
import { renderGraph } from "../../../../lib/preview/stage-graph.ts";
import { samplePreview, stackPreview, stagePreview } from "../../../support/preview.ts";

const own = { causes: [{ kind: "file", name: "a", before: "1", after: "2" }] };
const follows = { causes: [{ kind: "parent", name: "a", before: "1", after: "2" }] };
const graph = (...stacks: Preview["stacks"]) => renderGraph(samplePreview(stacks));
const stack = (name: string, stages: StagePreview[]) => stackPreview(name, { verdict: "changed", stages });
/** Nodes and edges, without the lines that say how they look. */
const drawn = (text: string | null) => text?.split("\n").filter((line) => !/flowchart|classDef/.test(line));

test("a graph has a node for each stage, an edge for each parent, and looks for each verdict", () => {
  const stages = [
    stagePreview("python"),
    stagePreview("torch", { verdict: "rebuild", parents: ["python"], ...own }),
    stagePreview("new", { verdict: "create", parents: ["python", "torch"] }),
    stagePreview("old", { verdict: "remove" }),
    stagePreview("starter", {
      role: "product",
      verdict: "rebuild",
      parents: ["torch", "elsewhere"],
      ...follows,
    }),
  ];
  const failed = { stack: "broken", verdict: "failed", problem: "x" } as const;
  const text = graph(stack("dev", stages), failed);
  assert.deepEqual(drawn(text), [
    '  n0["python"]:::unchanged',
    '  n1["torch"]:::rebuild',
    '  n2["new"]:::create',
    '  n3["old"]:::remove',
    '  n4[["starter"]]:::rebuild',
    "  n0 --> n1",
    "  n0 --> n2",
    "  n1 --> n2",
    "  n1 ==> n4",
  ]);
  assert.equal(text?.split("\n")[0], "flowchart LR");
  for (const verdict of ["create", "rebuild", "remove", "unchanged"])
    assert.match(text ?? "", new RegExp(`^ {2}classDef ${verdict} fill:#\\w+,stroke:#\\w+,color:#\\w+`, "m"));
});

test("a stage of many stacks is one node of the strongest verdict, and its edges are drawn once", () => {
  const of = (name: string, verdict: StagePreview["verdict"]) =>
    stack(name, [stagePreview("python"), stagePreview("torch", { verdict, parents: ["python"], ...own })]);
  const node = (...verdicts: StagePreview["verdict"][]) =>
    drawn(graph(...verdicts.map((verdict, index) => of(`s${index}`, verdict))));
  assert.deepEqual(node("rebuild", "rebuild"), [
    '  n0["python"]:::unchanged',
    '  n1["torch"]:::rebuild',
    "  n0 --> n1",
  ]);
  assert.equal(node("unchanged", "create", "rebuild")?.[1], '  n1["torch (1 of 3)"]:::rebuild');
  assert.equal(node("remove", "create", "create")?.[1], '  n1["torch (2 of 3)"]:::create');
  assert.equal(node("unchanged", "remove")?.[1], '  n1["torch (1 of 2)"]:::remove');
  assert.equal(graph(of("s", "unchanged")), null);
});

test("a graph that is too large is drawn of what changes, then of what changes by itself, then not at all", () => {
  const many = (count: number, more: Partial<StagePreview>, name = "s") =>
    Array.from({ length: count }, (_, index) => stagePreview(`${name}${index}`, more));
  const rebuild = { verdict: "rebuild", ...own } as const;
  const following = { verdict: "rebuild", ...follows } as const;
  const product = stagePreview("starter", { role: "product", ...following });
  const count = (...stages: StagePreview[]) => drawn(graph(stack("dev", stages)))?.length ?? null;
  assert.equal(count(...many(89, {}), ...many(1, rebuild, "r")), 90);
  assert.equal(count(...many(90, {}), ...many(2, rebuild, "r")), 2);
  assert.equal(count(...many(88, following), ...many(2, rebuild, "r")), 90);
  assert.equal(count(...many(90, following), ...many(2, rebuild, "r"), product), 3);
  assert.equal(count(...many(90, following), ...many(3, { verdict: "create" }, "c")), 3);
  assert.equal(count(...many(91, rebuild)), null);
});

test("no graph has more than three hundred edges", () => {
  const edges = (parents: number, stages: number) => {
    const first = Array.from({ length: parents }, (_, index) => stagePreview(`p${index}`));
    const names = first.map(({ name }) => name);
    const rest = Array.from({ length: stages }, (_, index) =>
      stagePreview(`r${index}`, { verdict: "rebuild", parents: names, ...own }),
    );
    return drawn(graph(stack("dev", [...first, ...rest])))?.length;
  };
  assert.equal(edges(15, 20), 335);
  assert.equal(edges(7, 43), 43, "301 edges: only what changes is drawn");
});
