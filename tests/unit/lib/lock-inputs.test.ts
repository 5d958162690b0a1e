import assert from "node:assert/strict";
import { test } from "node:test";
import { lockHeader, lockInputs, lockProblem } from "../../../lib/lock-inputs.ts";
import { recipes } from "../../../recipes/index.ts";

const name = { recipe: "starter", python: "3.11", cuda: "13.0" } as const;
const inputs = ["torch==2.12.0", "triton"];
const body = `torch==2.12.0 \\\n    --hash=sha256:${"1".repeat(64)}\n`;

test("a fresh lock fits; other inputs and an edit are told apart", () => {
  const lock = `${lockHeader(name, recipes.starter, inputs, body)}${body}`;
  assert.equal(lockProblem(name, recipes.starter, inputs, lock), undefined);
  assert.match(
    lockProblem(name, recipes.starter, ["torch==2.13.0"], lock)?.message ?? "",
    /made for other requirements/,
  );
  assert.match(
    lockProblem(name, recipes.starter, inputs, lock.replace("2.12.0", "2.12.1"))?.message ?? "",
    /edited by hand/,
  );
  assert.match(
    lockProblem(name, recipes.starter, inputs, body)?.message ?? "",
    /made for other requirements/,
  );
});

test("a recipe's inputs hold what any of its stacks can need, each once", () => {
  const found = lockInputs(recipes.starter, name, { repositories: {}, packages: {} });
  assert.deepEqual(found, [...new Set(found)].sort());
  for (const needed of ["torch==2.12.0", "triton==3.7.0", "nvidia-cuda-nvcc==13.0.*", "supervisor", "gguf"]) {
    assert.ok(found.includes(needed), needed);
  }
  assert.ok(!found.some((requirement) => requirement.startsWith("xformers")));
});
