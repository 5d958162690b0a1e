import assert from "node:assert/strict";
import { test } from "node:test";
import { keptScreen, runLine, shownEvidence, sizeLine } from "../../../../lib/state/screen.ts";

test("evidence is a line: each status counted by itself, in the order in which it came", () => {
  const checks = ["pass", "skip", "pass", "inconclusive"].map((status) => ({ status }));
  assert.equal(shownEvidence({ verdict: "pass", checks }), "pass: 2 passed, 1 skipped, 1 inconclusive");
  assert.equal(shownEvidence({ verdict: "fail", checks: [{ status: "fail" }] }), "fail: 1 failed");
  assert.equal(shownEvidence({ verdict: "pass", checks: [] }), "pass");
});

test("a product is run with its ports, and with GPUs where it is for some", () => {
  assert.equal(runLine("r/s@d", "cpu", [8080, 8000]), "docker run --rm -p 8080:8080 -p 8000:8000 r/s@d");
  assert.equal(runLine("r/s@d", "ada", []), "docker run --rm --gpus all r/s@d");
  assert.equal(runLine("r/s@d", undefined, []), "docker run --rm r/s@d");
  assert.equal(sizeLine(2_740_000_000), "2.74 GB compressed");
});

test("an update of single stages exports what the stack exported", () => {
  const outputs = { recipe: "starter", image: "i", evidence: "pass" };
  assert.deepEqual(keptScreen({ recipe: "starter", outputs }), outputs);
  assert.deepEqual(keptScreen({ recipe: "starter", outputs: {} }), { recipe: "starter" });
  assert.deepEqual(keptScreen({}), { recipe: undefined });
});

test("what a stack exported in the former form is cut to a screen", () => {
  const product = {
    reference: "r/s@d",
    digest: "d",
    bytes: 1,
    tags: ["r/s:t"],
    copies: [["o:1", "o:2"], ["p:1"]],
  };
  const outputs = { recipe: "starter", product, stages: { torch: {} }, evidence: {} };
  assert.deepEqual(keptScreen({ recipe: "starter", product, outputs }), {
    recipe: "starter",
    image: "r/s@d",
    digest: "d",
    tags: ["r/s:t"],
    copies: ["o:1", "o:2", "p:1"],
  });
  const partial = { ...outputs, product: null };
  assert.deepEqual(keptScreen({ recipe: "starter", outputs: partial }), { recipe: "starter" });
});
