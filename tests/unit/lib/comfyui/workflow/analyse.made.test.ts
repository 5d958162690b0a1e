/** Workflows as editors write them, made up: each gives the models of its loaders that run, exactly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { analyse } from "../../../../../lib/comfyui/workflow/analyse.ts";
import { type Made, madeWorkflow } from "../../../../support/made-workflows.ts";
import { read, someIndex, toBytes } from "../../../../support/workflows.ts";

function filesOf({ workflow }: Made): string[] {
  const { files, unresolved } = analyse([read(toBytes(workflow))], someIndex);
  assert.deepEqual(unresolved, []);
  return files.map(({ folders, name }) => `${folders[0]}/${name}`).sort();
}

test("a workflow of any form gives the models of its loaders that run, and no other", () => {
  const expected = new Set<number>();
  fc.assert(
    fc.property(fc.gen(), (pick) => {
      const made = madeWorkflow(pick);
      assert.deepEqual(filesOf(made), [...made.files].sort(), JSON.stringify(made.workflow));
      expected.add(made.files.size);
    }),
    { numRuns: 500 },
  );
  // A generator that makes nothing would prove nothing.
  assert.ok(Math.max(...expected) >= 5, [...expected].join());
});
