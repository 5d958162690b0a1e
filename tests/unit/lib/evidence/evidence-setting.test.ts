import assert from "node:assert/strict";
import { test } from "node:test";
import {
  evidenceSetting,
  promotionTerms,
  requiredHost,
  trimProblems,
} from "../../../../lib/evidence/evidence-setting.ts";

test("a GPU's word is asked for where there is a GPU to ask, and an image for one; the stack may say otherwise", () => {
  const open = { maxAgeDays: 30 };
  assert.equal(requiredHost(open, "ada", "builder"), "any");
  assert.equal(requiredHost(open, "ada", "ssh"), "gpu");
  assert.equal(requiredHost(open, "universal", "aws"), "gpu");
  assert.equal(requiredHost(open, "cpu", "ssh"), "any");
  assert.equal(requiredHost({ ...open, host: "gpu" }, "ada", "builder"), "gpu");
  assert.equal(requiredHost({ ...open, host: "any" }, "ada", "aws"), "any");
});

test("what a stack's tags ask for: thirty days unless it says otherwise, and the word of its hosts", () => {
  assert.deepEqual(evidenceSetting.parse(undefined), { maxAgeDays: 30 });
  assert.deepEqual(evidenceSetting.parse({ host: "any" }), { maxAgeDays: 30, host: "any" });
  assert.equal(evidenceSetting.parse({ maxAgeDays: 3650 }).maxAgeDays, 3650);
  for (const wrong of [{ maxAgeDays: 0 }, { maxAgeDays: 3651 }, { host: "cpu" }, { more: 1 }]) {
    assert.ok(!evidenceSetting.safeParse(wrong).success, JSON.stringify(wrong));
  }
  const docker = { kind: "docker", engine: "docker", keepImage: true } as const;
  const stack = { evidence: { maxAgeDays: 7 }, generation: "ada", host: [docker] } as const;
  assert.deepEqual(promotionTerms(stack, "c1"), { maxAgeDays: 7, checks: "c1", host: "gpu" });
  const without = { ...stack, host: [{ kind: "builder" }] } as const;
  assert.equal(promotionTerms(without, "c1").host, "any");
  assert.equal(promotionTerms({ ...without, trim: true }, "c1").host, "gpu");
});

test("an image without code for other cards takes nobody's word but a GPU's, and one without any code the builder's", () => {
  const [open, careless] = [{ maxAgeDays: 30 }, { maxAgeDays: 30, host: "any" }] as const;
  assert.equal(requiredHost(open, "ada", "builder", true), "gpu");
  assert.equal(requiredHost(open, "cpu", "builder", true), "any");
  const problems = (trim: boolean, generation: "ada" | "cpu", evidence: typeof open | typeof careless) =>
    trimProblems({ trim, generation, evidence }).map(({ path }) => path);
  assert.deepEqual(problems(true, "ada", careless), ["strata:evidence.host"]);
  for (const fine of [
    problems(true, "ada", open),
    problems(true, "cpu", careless),
    problems(false, "ada", careless),
  ]) {
    assert.deepEqual(fine, []);
  }
});
