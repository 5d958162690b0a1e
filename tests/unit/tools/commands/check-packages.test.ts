import assert from "node:assert/strict";
import { test } from "node:test";
import type { PackageReport } from "../../../../lib/plan/package-report.ts";
import { renderPackages } from "../../../../tools/commands/check-packages/package-table.ts";
import { newestVersions } from "../../../../tools/lock/held-back/newest-versions.ts";

const report: PackageReport = {
  version: 1,
  recipe: "starter",
  checks: [
    { name: "equal to the lock", note: "2 distributions", problems: [] },
    { name: "requirements met", note: "7 requirements", problems: [] },
  ],
  packages: [
    { name: "numpy", version: "2.4.0", stage: "torch", newest: "2.4.0" },
    { name: "torch", version: "2.12.0", stage: "torch", newest: "2.15.0" },
  ],
  asked: true,
  verdict: "pass",
};

test("checks and newer versions are tables, and the verdict is the last line", () => {
  const lines = renderPackages(report).split("\n");
  assert.ok(lines.some((line) => /│ requirements met +│ 7 requirements +│/.test(line)));
  assert.ok(lines.some((line) => /│ torch +│ 2\.12\.0 +│ 2\.15\.0 +│ torch +│/.test(line)));
  assert.ok(!lines.some((line) => line.includes("numpy")));
  assert.equal(lines.at(-1), "✔ starter: 2 packages, as the lock says; newer versions in the index: 1");
});

test("what is wrong is told below the table, and cut", () => {
  const problems = Array.from({ length: 25 }, (_, index) => `package-${index} is missing`);
  const broken: PackageReport = {
    ...report,
    checks: [{ name: "equal to the lock", note: "", problems }, ...report.checks.slice(1)],
    asked: false,
    verdict: "broken",
  };
  const text = renderPackages(broken);
  assert.match(text, /│ equal to the lock +│ FAIL: 25 problems +│/);
  assert.match(text, /\nFAIL equal to the lock\n {2}package-0 is missing\n/);
  assert.match(text, /\n {2}package-19 is missing\n {2}… and 5 more \(--json shows all\)\n/);
  assert.match(text, /✖ starter: 1 of 2 checks failed; the index was not asked for newer versions$/);
});

test("the newest versions are each asked for alone, for the image's Python", async () => {
  const calls: string[][] = [];
  const versions = await newestVersions(
    async ({ python, files, args = [] }) => {
      calls.push([python, ...args, ...[...files].flat(2)]);
      const stdout = `torch==2.15.0 \\\n    --hash=sha256:${"1".repeat(64)}\n    # via -r names.in\n`;
      return { ok: true, stdout, stderr: "", all: stdout };
    },
    "3.12",
    ["torch", "numpy"],
  );
  assert.deepEqual(calls, [["3.12", "--no-deps", "names.in", "torch", "numpy"]]);
  assert.deepEqual([...versions], [["torch", "2.15.0"]]);
});

test("an index that does not answer is told with what helps", async () => {
  const silent = async () => ({ ok: false, stdout: "", stderr: "", all: "error: timed out" });
  await assert.rejects(
    newestVersions(silent, "3.12", ["torch"]),
    /the package index: does not say which versions it has:\n {2}error: timed out\n {1,}.*--offline/,
  );
});
