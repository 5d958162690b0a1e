import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run as runTests } from "node:test";
import { repository } from "../../home.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { findActionlint, findLinters, lintPython, lintShell, lintWorkflows } from "../lint/lint.ts";
import { attempt } from "../program/exec.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { addUp, type TestCount } from "./test/count.ts";
import { pythonTests } from "./test/python-tests.ts";

/** Suites by name, in the order in which they run: the quick ones tell first. */
const suites = {
  check: [],
  unit: ["tests/unit/**/*.test.ts"],
  smoke: ["smoke/tests", "tests/smoke/*.test.ts"],
  python: ["tests/python"],
  // The longest file first, so that the others run beside it.
  integration: ["tests/integration/vast.test.ts", "tests/integration/*.test.ts"],
  "end-to-end": ["tests/end-to-end/*.test.ts"],
  // Last: where it is asked for, it compiles a cluster once.
  kubernetes: ["tests/kubernetes/*.test.ts"],
} as const;

/** Files at a time. Those with a builder of their own wait as much as they compute; a whole `make up` wants the machine. */
const concurrency: Readonly<Record<string, number>> = {
  // Node's `true` is one less.
  unit: availableParallelism(),
  smoke: availableParallelism(),
  integration: 2,
};

const HELP = `Usage: npm test -- [SUITE]...

Suites, in their order: check, unit, smoke, python, integration, end-to-end, kubernetes; all of them without a name.
Each skipped test is printed with its reason. The last line counts: N passed, N failed, N skipped.`;

/**
 * `make test`: every suite, or those that are named (`node tools/commands/test.ts unit`). Each skipped test is printed with its
 * reason; the last line counts them all.
 */
await main(
  async () => {
    const named = process.argv.slice(2);
    if (named.includes("kubernetes")) process.env.STRATA_TEST_KUBERNETES = "1";
    const chosen = Object.entries(suites).filter(([name]) => named.length === 0 || named.includes(name));
    const counts: TestCount[] = [];
    for (const [name, patterns] of chosen) {
      note(`\n== ${name}`);
      const folders = patterns.filter((pattern) => !pattern.endsWith(".ts"));
      const files = patterns.filter((pattern) => pattern.endsWith(".ts"));
      if (name === "check") counts.push(await check());
      for (const folder of folders) counts.push(await pythonTests(folder));
      if (files.length > 0) counts.push(await testFiles(files, name));
    }
    const total = addUp(counts);
    process.stdout.write(
      `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}\n`,
    );
    return total.failed > 0 || total.passed === 0 ? 1 : 0;
  },
  { help: HELP },
);

/** Format, lint, types, locks, and lint of scripts and workflows: one test each. */
async function check(): Promise<TestCount> {
  const bin = (name: string) => join(repository, "node_modules", ".bin", name);
  const count = await commands({
    "format and lint": [bin("biome"), "check", "--error-on-warnings", "."],
    types: [bin("tsc"), "--noEmit"],
    locks: [process.execPath, "tools/commands/lock.ts", "--check"],
  });
  const linters = await findLinters();
  for (const title of ["shell scripts", "Python"]) {
    if (linters.missing !== undefined) {
      count.skipped++;
      note(`skip ${title}: ${linters.missing}`);
      continue;
    }
    const { ok, output } = await (title === "Python"
      ? lintPython(linters.ruff)
      : lintShell(linters.shellcheck));
    printResult(count, title, ok, output);
  }
  const actionlint = await findActionlint();
  if (actionlint.missing !== undefined) {
    count.skipped++;
    note(`skip workflows: ${actionlint.missing}`);
  } else {
    const { ok, output } = await lintWorkflows(actionlint.path, linters.shellcheck);
    printResult(count, "workflows", ok, output);
  }
  return count;
}

function printResult(count: TestCount, title: string, ok: boolean, output: string): void {
  count[ok ? "passed" : "failed"]++;
  note(`${ok ? "pass" : "FAIL"} ${title}${ok ? "" : `\n${output}`}`);
}

async function commands(all: Readonly<Record<string, readonly string[]>>): Promise<TestCount> {
  const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
  await inParallel(availableParallelism(), Object.entries(all), async ([title, [command = "", ...args]]) => {
    const { ok, all: output } = await attempt(command, args, { cwd: repository });
    printResult(count, title, ok, output);
  });
  return count;
}

async function testFiles(patterns: readonly string[], suite: string): Promise<TestCount> {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: repository }).sort());
  const stream = runTests({
    files: [...new Set(files)].map((file) => join(repository, file)),
    concurrency: concurrency[suite] ?? 1,
    cwd: repository,
  });
  const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
  stream.on("test:pass", (event) => {
    if (event.details.type === "suite" || isFile(event.name)) return;
    if (event.skip !== undefined) {
      count.skipped++;
      note(`skip ${event.name}: ${event.skip}`);
    } else {
      count.passed++;
      if (suite !== "unit") note(`pass ${event.name} (${(event.details.duration_ms / 1000).toFixed(1)} s)`);
    }
  });
  stream.on("test:fail", (event) => {
    if (event.details.type === "suite") return;
    count.failed++;
    const { cause } = event.details.error;
    note(`FAIL ${event.name} (${event.file ?? ""}:${event.line ?? ""})`);
    note(String(cause instanceof Error ? (cause.stack ?? cause) : (cause ?? event.details.error)));
  });
  // What goes wrong once a test is over fails its file, and is told of here alone.
  stream.on("test:diagnostic", ({ message }) => {
    if (/^(Error|Warning): /.test(message)) note(message);
  });
  stream.on("test:stderr", (event) => {
    if (suite !== "unit") process.stderr.write(event.message);
  });
  await new Promise<void>((resolve) => {
    stream.on("end", resolve);
    stream.resume();
  });
  if (suite === "unit") note(`pass ${count.passed} tests in ${files.length} files`);
  return count;
}

/** Node reports each file as a test of its own around those it holds. */
function isFile(name: string): boolean {
  return name.endsWith(".test.ts");
}
