import assert from "node:assert/strict";
import { test } from "node:test";
import { selectorText } from "../../../../../lib/builders/kubernetes/selector.ts";

test("a workload's selector as a question: labels and expressions", () => {
  assert.equal(selectorText({ matchLabels: { app: "b", tier: "x" } }), "app=b,tier=x");
  const matchExpressions = [
    { key: "app", operator: "In", values: ["a", "b"] },
    { key: "tier", operator: "NotIn", values: ["x"] },
    { key: "builds", operator: "Exists" },
    { key: "old", operator: "DoesNotExist" },
  ];
  assert.equal(
    selectorText({ matchLabels: { team: "t" }, matchExpressions }),
    "team=t,app in (a,b),tier notin (x),builds,!old",
  );
});

test("what would be about every pod of a namespace is refused", () => {
  assert.throws(() => selectorText({}), /selects all pods/);
  assert.throws(() => selectorText(undefined), /selects all pods/);
  assert.throws(() => selectorText({ matchExpressions: [{ key: "a", operator: "Gt" }] }), /operator Gt/);
});
