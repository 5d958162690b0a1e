/** What `make check-packages` runs in an image, and what it makes of the answer. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  indexPackages,
  outdated,
  packageReport,
  readVerified,
  reportPackages,
  verifyCommand,
  verifyStage,
} from "../../../../lib/plan/package-report.ts";
import { planSampleStack } from "../../../support/stacks.ts";

const starter = planSampleStack({ recipe: "starter" });
const studio = planSampleStack({ recipe: "studio" });
const found = {
  checks: [{ name: "equal to the lock", note: "2 distributions", problems: [] }],
  distributions: [
    { name: "torch", version: "2.12.0" },
    { name: "stranger", version: "1.0" },
  ],
};

/** What the command writes where Python is a script of these words. */
function written(t: TestContext, script: string): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const python = join(folder, "python");
  writeFileSync(python, `#!/bin/sh\n${script}\n`);
  chmodSync(python, 0o755);
  const command = verifyCommand(verifyStage(studio)).replaceAll("/opt/venv/bin/python3", python);
  return execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

const answering = (imports: string) =>
  `case "$2" in */verify.py) echo '${JSON.stringify(found)}'; exit 1;; *) ${imports};; esac`;

test("the stage's own files are run on the whole product, with its lock and its exceptions", (t) => {
  const stage = verifyStage(studio);
  const [file] = stage.files;
  assert.ok(file);
  assert.match(
    verifyCommand({ ...stage, files: [...stage.files, { ...file, path: "allowed.json" }] }),
    / \/context\/verify\.py --product --json \/ \/context\/distributions\.txt \/context\/allowed\.json$/m,
  );
  assert.match(verifyCommand(verifyStage(starter)), / \/context\/distributions\.txt$/m);
  const paths = verifyStage(starter).files.map(({ path }) => path);
  for (const path of ["verify.py", "import_torch.py", "distributions.txt"]) assert.ok(paths.includes(path));
  assert.deepEqual(readVerified(written(t, answering("echo torch 2.12.0, CUDA 13.0"))), {
    ...found,
    checks: [...found.checks, { name: "torch imports", note: "torch 2.12.0, CUDA 13.0", problems: [] }],
  });
});

test("a torch that does not import is a problem with its last lines", (t) => {
  const imports = "seq 9; echo ImportError: no libcudart >&2; exit 1";
  const { checks } = readVerified(written(t, answering(imports)));
  assert.deepEqual(checks.at(-1), {
    name: "torch imports",
    note: "",
    problems: ["6", "7", "8", "9", "ImportError: no libcudart"],
  });
});

test("a Python that does not get as far as the checks is the user's to look at", (t) => {
  assert.throws(() => readVerified(written(t, "exit 127")), /the image's Python: cannot run the checks/);
  assert.throws(() => readVerified(""), /cannot run the checks/);
});

test("a recipe without the stage cannot be checked", () => {
  const without = { ...starter, stages: starter.stages.filter(({ name }) => name !== "verify") };
  assert.throws(() => verifyStage(without), /starter has no stage "verify"/);
});

test("each package is told with its stage, and what no stage brings without one", () => {
  const report = reportPackages(starter, found, new Map([["torch", "2.15.0"]]));
  assert.deepEqual(packageReport.parse(report), report);
  assert.deepEqual(report.packages, [
    { name: "stranger", version: "1.0", stage: null, newest: null },
    { name: "torch", version: "2.12.0", stage: "torch", newest: "2.15.0" },
  ]);
  assert.deepEqual(
    outdated(report).map(({ name }) => name),
    ["torch"],
  );
  assert.deepEqual([report.verdict, report.asked], ["pass", true]);
});

test("newer is what PEP 440 calls newer", () => {
  const isOutdated = (version: string, newest: string) => {
    const distributions = [{ name: "torch", version }];
    const report = reportPackages(starter, { ...found, distributions }, new Map([["torch", newest]]));
    return outdated(report).length > 0;
  };
  for (const [version, newest] of [
    ["1.9", "1.10"],
    ["2.0rc1", "2.0"],
    ["2.0.dev1", "2.0a1"],
    ["2.0", "2.0.post1"],
    ["2024.1", "1!0.1"],
    // Not of PEP 440: all that can be said is that it is another one.
    ["2004d", "2004e-x"],
  ] as const) {
    assert.ok(isOutdated(version, newest), `${version} ${newest}`);
  }
  for (const [version, newest] of [
    ["1.0", "1.0.0"],
    ["2.12.0+cu130", "2.12.0"],
    ["1.10", "1.9"],
    ["2.0", "2.0rc1"],
    ["1!0.1", "2024.1"],
    ["legacy-x", "legacy-x"],
  ] as const) {
    assert.ok(!isOutdated(version, newest), `${version} ${newest}`);
  }
});

test("any problem breaks the report, a newer version does not", () => {
  const wrong = { ...found, checks: [...found.checks, { name: "x", note: "", problems: ["y"] }] };
  const report = reportPackages(starter, wrong, undefined);
  assert.deepEqual([report.verdict, report.asked], ["broken", false]);
  assert.deepEqual(outdated(report), []);
});

test("the index is asked for what the image has of it: nothing of builds, git or another distribution's name", () => {
  const names = indexPackages(studio);
  assert.match(names.get("torch") ?? "", /^\d/);
  for (const other of ["samv2", "cmake", "opencv-python", "dlib"]) assert.ok(!names.has(other), other);
});
