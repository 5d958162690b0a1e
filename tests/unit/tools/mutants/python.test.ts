import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { mutatePython, readResults } from "../../../../tools/mutants/python.ts";
import { pythonSubjects } from "../../../../tools/mutants/python-subjects.ts";

const item = { job_id: "1", mutations: [{ module_path: "smoke/lib/png.py" }] };

test("mutants that were tried count, those that were left out do not", () => {
  const results = [
    { worker_outcome: "normal", test_outcome: "killed", diff: "-a\n+b", output: "" },
    { worker_outcome: "normal", test_outcome: "survived", diff: "-c\n+d", output: "" },
    { worker_outcome: "skipped", test_outcome: null, diff: null, output: "Filtered operator" },
    { worker_outcome: "no-test", test_outcome: "survived", diff: null, output: null },
    { worker_outcome: "exception", test_outcome: "incompetent", diff: null, output: "Traceback" },
    null,
  ];
  const dump = results.map((result) => `${JSON.stringify([item, result])}\n`).join("");
  assert.deepEqual(readResults(dump), { killed: 1, survivors: ["-c\n+d"] });
  assert.throws(() => readResults("[1, 2]\n"));
});

test("every subject's modules and tests are there", () => {
  for (const { name, folder, modules, tests, names } of pythonSubjects) {
    const files = [
      ...modules.map((module) => join(folder, `${module}.py`)),
      ...names.map((test) => join(tests, `${test.split(".")[0]}.py`)),
    ];
    for (const file of files) assert.ok(existsSync(join(repository, file)), `${name}: ${file}`);
  }
});

test("a subject that is none is named, with those that are", async () => {
  await assert.rejects(mutatePython(["nothing"]), /nothing: is no subject .* There are: smoke: reading/);
});
