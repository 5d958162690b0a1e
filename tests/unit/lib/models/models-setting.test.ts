import assert from "node:assert/strict";
import { test } from "node:test";
import { modelsSetting, noModels } from "../../../../lib/models/models-setting.ts";

const problems = (setting: object) =>
  modelsSetting.safeParse(setting).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

test("nothing is said of models: none are wanted", () => {
  assert.deepEqual(modelsSetting.parse({}), noModels);
  assert.deepEqual(noModels, { strategy: "none", also: [], only: [], background: false });
});

test("what does nothing with a strategy is a mistake, and what does something is none", () => {
  assert.deepEqual(problems({ also: ["models/a"] }), [
    'also: does nothing with the strategy "none" (it is for the others)',
  ]);
  assert.deepEqual(problems({ only: ["*.gguf"] }), [
    'only: does nothing with the strategy "none" (it is for the others)',
  ]);
  assert.deepEqual(problems({ strategy: "baked", background: true }), [
    'background: does nothing with the strategy "baked" (it is for "volume")',
  ]);
  assert.equal(problems({ strategy: "none", also: [], background: true })?.length, 1);
  for (const right of [
    { strategy: "volume", background: true, also: ["models/a"] },
    { strategy: "image", also: ["models/a"], only: ["a"] },
    { strategy: "baked", background: false },
    { strategy: "none" },
  ]) {
    assert.equal(problems(right), undefined, JSON.stringify(right));
  }
  for (const wrong of [
    { strategy: "disk" },
    { strategy: "baked", also: [""] },
    { strategy: "baked", only: [""] },
    { more: 1 },
  ])
    assert.ok(problems(wrong), JSON.stringify(wrong));
});
