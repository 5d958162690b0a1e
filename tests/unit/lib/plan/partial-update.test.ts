import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  fileSystem,
  loadPartialUpdate,
  stageNamed,
  summaryOf,
  withParents,
} from "../../../../lib/plan/partial-update.ts";
import type { Plan, Stage } from "../../../../lib/plan/plan.ts";
import { layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";

/** system and toolbox; cuda ← torch ← kernels; app needs the toolbox alone; wheel is built with torch. */
function testPlan(t: TestContext): Plan {
  const names = ["system", "toolbox", "app", "cuda", "torch", "kernels", "wheel"];
  const folder = layersFolder(t, Object.fromEntries(names.map((name) => [`${name}/Dockerfile`, "FROM x\n"])));
  const product = ["system", "cuda", "app", "torch", "kernels"];
  const parents: Record<string, readonly string[]> = {
    cuda: ["toolbox"],
    app: ["toolbox"],
    torch: ["toolbox", "cuda"],
    kernels: ["toolbox", "cuda", "torch"],
  };
  return plan(
    folder,
    sampleRecipe(
      product.map((name) => sampleLayer(name, parents[name], name === "system" ? { role: "system" } : {})),
      [
        sampleLayer("toolbox", [], { role: "build" }),
        sampleLayer("wheel", ["toolbox", "torch"], { role: "build" }),
      ],
    ),
  );
}

const names = (stages: readonly Stage[]): string[] => stages.map(({ name }) => name);

test("a stage comes with all that it is built from, in an order in which it can be built", (t) => {
  const tested = testPlan(t);
  assert.deepEqual(names(withParents(tested, ["torch"])), ["toolbox", "cuda", "torch"]);
  assert.deepEqual(names(withParents(tested, ["system"])), ["system"]);
  assert.deepEqual(names(withParents(tested, ["app", "torch"])), ["toolbox", "cuda", "torch", "app"]);
});

test("who is in a stage sees the product's stages up to it", (t) => {
  const tested = testPlan(t);
  assert.deepEqual(names(fileSystem(tested, "system")), ["system"]);
  assert.deepEqual(names(fileSystem(tested, "torch")), ["system", "cuda", "app", "torch"]);
  assert.deepEqual(names(fileSystem(tested, "test")), ["system", "cuda", "app", "torch", "kernels"]);
});

test("who is in a stage that only builds use sees what it was built from", (t) => {
  const tested = testPlan(t);
  assert.deepEqual(names(fileSystem(tested, "toolbox")), ["toolbox"]);
  assert.deepEqual(names(fileSystem(tested, "wheel")), ["toolbox", "cuda", "torch", "wheel"]);
});

test("who is in a stage that the product does not hold sees what it was built from", (t) => {
  const folder = layersFolder(t, { "system/Dockerfile": "FROM x\n", "model/Dockerfile": "FROM x\n" });
  const model = sampleLayer("model", ["system"], { bulk: true });
  const tested = plan(folder, sampleRecipe([sampleLayer("system", [], { role: "system" })], [model]));
  assert.deepEqual(names(fileSystem(tested, "model")), ["system", "model"]);
});

test("an unknown layer is answered with those that there are, and the nearest", (t) => {
  const tested = testPlan(t);
  assert.equal(stageNamed(tested, "torch").name, "torch");
  assert.throws(
    () => stageNamed(tested, "trch"),
    /LAYER: test has no layer "trch"; it has toolbox, cuda, torch, .*Did you mean "torch"\?/,
  );
  assert.throws(() => fileSystem(tested, "kernls"), /Did you mean "kernels"\?/);
  assert.throws(() => stageNamed(tested, ""), /LAYER: is not given; test has toolbox, /);
});

test("in an update of single stages, all others register what they were", (t) => {
  const tested = testPlan(t);
  const [torch, cuda] = [stageNamed(tested, "torch"), stageNamed(tested, "cuda")];
  const former = { key: "old", inputs: { "file:x": "1" } };
  const update = { stages: ["torch"], registered: { torch: former, cuda: former }, outputs: {} };
  const now = ({ key, inputs, role }: Stage) => ({ key, inputs, role });
  assert.deepEqual(summaryOf(torch, update), now(torch));
  assert.deepEqual(summaryOf(cuda, update), { ...former, role: cuda.role });
  const told = { ...update, registered: { cuda: { ...former, role: "system" } } };
  assert.deepEqual(summaryOf(cuda, told), { ...former, role: "system" });
  assert.deepEqual(summaryOf(cuda, { ...update, registered: {} }), now(cuda), "nothing is known of it");
  assert.deepEqual(summaryOf(cuda), now(cuda));
});

test("a partial update is what its file says, and nothing else", (t) => {
  const file = join(layersFolder(t, {}), "part.json");
  const update = {
    stages: ["torch"],
    registered: { cuda: { key: "k", inputs: {}, role: null } },
    outputs: { image: "i" },
  };
  writeFileSync(file, JSON.stringify(update));
  assert.deepEqual(loadPartialUpdate(file), update);
  assert.equal(loadPartialUpdate(""), undefined);
  writeFileSync(file, JSON.stringify({ ...update, more: 1 }));
  assert.throws(() => loadPartialUpdate(file));
});
