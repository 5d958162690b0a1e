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

/** Planned by a test, not while this file is read: else every mutant of lib/plan runs every test of it. */
const starter = () => planSampleStack({ recipe: "starter" });
const studio = () => planSampleStack({ recipe: "studio" });
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
  const command = verifyCommand(verifyStage(studio())).replaceAll("/opt/venv/bin/python3", python);
  return execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"] }).toString();
}

const answering = (imports: string) =>
  `case "$2" in */verify.py) echo '${JSON.stringify(found)}'; exit 1;; *) ${imports};; esac`;

test("the stage's own files are run on the whole product, with its lock and its exceptions", (t) => {
  const stage = verifyStage(studio());
  const [file] = stage.files;
  assert.ok(file);
  assert.match(
    verifyCommand({ ...stage, files: [...stage.files, { ...file, path: "allowed.json" }] }),
    / \/context\/verify\.py --product --json \/ \/context\/distributions\.txt \/context\/allowed\.json$/m,
  );
  assert.match(verifyCommand(verifyStage(starter())), / \/context\/distributions\.txt$/m);
  const paths = verifyStage(starter()).files.map(({ path }) => path);
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
  const without = { ...starter(), stages: starter().stages.filter(({ name }) => name !== "verify") };
  assert.throws(() => verifyStage(without), /starter has no stage "verify"/);
});

test("each package is told with its stage, and what no stage brings without one", () => {
  const report = reportPackages(starter(), found, new Map([["torch", "2.15.0"]]));
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
    const report = reportPackages(starter(), { ...found, distributions }, new Map([["torch", newest]]));
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
  const report = reportPackages(starter(), wrong, undefined);
  assert.deepEqual([report.verdict, report.asked], ["broken", false]);
  assert.deepEqual(outdated(report), []);
});

test("the index is asked for what the image has of it: nothing of builds, git or another distribution's name", () => {
  const names = indexPackages(studio());
  assert.match(names.get("torch") ?? "", /^\d/);
  for (const other of ["samv2", "cmake", "opencv-python", "dlib"]) assert.ok(!names.has(other), other);
});

test("empty lines among what torch says are no lines, and the last one is its note", () => {
  const json = JSON.stringify(found);
  const torch = (stdout: string) => readVerified(stdout).checks.at(-1);
  assert.equal(torch(`${json}\npass\n\n  \ntorch 2.12.0\n\n`)?.note, "torch 2.12.0");
  assert.deepEqual(torch(`${json}\nFAIL\na\n\nb\n`)?.problems, ["a", "b"]);
  assert.deepEqual(torch(`${json}\npass\n`), { name: "torch imports", note: "", problems: [] });
});

test("packages are told by name, and only those with another version in the index are outdated", () => {
  const distributions = ["c", "a", "b"].map((name) => ({ name, version: "1" }));
  const newest = new Map([
    ["a", "1"],
    ["b", "2"],
  ]);
  const report = reportPackages(starter(), { checks: [], distributions }, newest);
  assert.deepEqual(
    report.packages.map(({ name }) => name),
    ["a", "b", "c"],
  );
  assert.deepEqual(
    outdated(report).map(({ name }) => name),
    ["b"],
  );
});

test("of the files only requirements count, line by line, of stages that are in the product", () => {
  const file = (path: string, content: string) =>
    ({ path, source: path, executable: false, content: Buffer.from(content) }) as const;
  const stage = (name: string, ...files: ReturnType<typeof file>[]) => ({
    ...(starter().stages[0] ?? assert.fail()),
    name,
    files,
  });
  const plan = {
    ...starter(),
    stages: [
      stage(
        "in",
        file("requirements.txt", "a-1==1.0 \\\n  --hash=b==2\nc==22.5\n"),
        file("other.txt", "d==1\n"),
      ),
      stage("out", file("requirements.txt", "e==1\n")),
    ],
    product: { ...starter().product, parents: ["in"] },
  };
  assert.deepEqual(
    [...indexPackages(plan)],
    [
      ["a-1", "1.0"],
      ["c", "22.5"],
    ],
  );
  const inputs = { "package:A_1": "1.0", "file:c": "x" };
  const [inside, outside] = plan.stages;
  const told = {
    ...plan,
    stages: [
      { ...(inside ?? assert.fail()), inputs },
      { ...(outside ?? assert.fail()), inputs: { "package:e": "1" } },
    ],
  };
  const distributions = ["a-1", "c", "e"].map((name) => ({ name, version: "1" }));
  assert.deepEqual(
    reportPackages(told, { checks: [], distributions }, undefined).packages.map(({ stage: by }) => by),
    ["in", null, null],
  );
});
