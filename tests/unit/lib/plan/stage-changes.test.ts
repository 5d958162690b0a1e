import assert from "node:assert/strict";
import { test } from "node:test";
import { productOf, stageChanges } from "../../../../lib/plan/stage-changes.ts";
import { causeText } from "../../../../lib/preview/words.ts";

const stage = (name: string, key: string, inputs: Record<string, string> = {}) => ({ name, key, inputs });

test("a changed stage names exactly the inputs that differ, with their old and new values", () => {
  const [change] = stageChanges(
    [
      stage("a", "1", {
        "file:layers/a/x": "1",
        "package:torch": "2.11 (a)",
        "argument:OLD": "1",
        "pin:base": "p",
      }),
    ],
    [
      stage("a", "2", {
        "file:layers/a/x": "2",
        "package:torch": "2.12 (b)",
        "argument:NEW": "1",
        "pin:base": "p",
      }),
    ],
  );
  assert.equal(change?.verdict, "rebuild");
  assert.deepEqual(change?.causes.map(causeText), [
    "argument NEW is new (1)",
    "argument OLD is gone (1)",
    "file layers/a/x changed",
    "package torch: 2.11 (a) → 2.12 (b)",
  ]);
});

test("a stage of which nobody knows what it was made of is rebuilt for that reason alone", () => {
  const [change, same] = stageChanges(
    [stage("a", "1"), stage("b", "1")],
    [stage("a", "2", { "file:x": "2", "package:torch": "2.12" }), stage("b", "1", { "file:x": "2" })],
  );
  assert.deepEqual(
    [change?.verdict, change?.causes.map(causeText)],
    ["rebuild", ["record of its inputs is gone"]],
  );
  assert.equal(same?.verdict, "unchanged");
});

test("create, unchanged and remove are told apart", () => {
  assert.deepEqual(
    stageChanges([stage("kept", "1"), stage("gone", "1")], [stage("new", "1"), stage("kept", "1")]).map(
      ({ stage: name, verdict }) => [name, verdict],
    ),
    [
      ["new", "create"],
      ["kept", "unchanged"],
      ["gone", "remove"],
    ],
  );
});

test("an input's name may hold colons", () => {
  const [change] = stageChanges(
    [stage("a", "1", { "pin:http://x": "1" })],
    [stage("a", "2", { "pin:http://x": "2" })],
  );
  assert.equal(change?.causes[0]?.name, "http://x");
});

test("the product is found by its role, whatever it is called", () => {
  const stages = [
    { name: "starter", role: "stage" },
    { name: "mine", role: "product" },
    { name: "old", role: null },
  ];
  assert.equal(productOf(stages)?.name, "mine");
  assert.equal(productOf(stages.slice(2)), undefined);
});
