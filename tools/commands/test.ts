import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { run as runTests } from "node:test";
import { repository } from "../../home.ts";
import { findActionlint, findLinters, lintPython, lintShell, lintWorkflows } from "../lint/lint.ts";
import { keptWheels } from "../lint/wheels.ts";
import { attempt } from "../program/exec.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/** Suites by name, in the order in which they run: the quick ones tell first. */
const suites = {
  check: [],
  unit: ["tests/unit/**/*.test.ts"],
  smoke: ["smoke/tests", "tests/smoke/*.test.ts"],
  python: ["tests/python"],
  integration: ["tests/integration/*.test.ts"],
  "end-to-end": ["tests/end-to-end/*.test.ts"],
} as const;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const HELP = `Usage: npm test -- [SUITE]...

Suites, in their order: check, unit, smoke, python, integration, end-to-end; all of them without a name.
Each skipped test is printed with its reason. The last line counts: N passed, N failed, N skipped.`;

/**
 * `make test`: every suite, or those that are named (`node tools/commands/test.ts unit`). Each skipped test is printed with its
 * reason; the last line counts them all.
 */
await main(
  async () => {
    const named = process.argv.slice(2);
    const chosen = Object.entries(suites).filter(([name]) => named.length === 0 || named.includes(name));
    const total: Count = { passed: 0, failed: 0, skipped: 0 };
    for (const [name, patterns] of chosen) {
      note(`\n== ${name}`);
      const folders = patterns.filter((pattern) => !pattern.endsWith(".ts"));
      const files = patterns.filter((pattern) => pattern.endsWith(".ts"));
      for (const count of [
        ...(name === "check" ? [await check()] : []),
        ...(folders.length > 0 ? [await pythonTests(folders)] : []),
        ...(files.length > 0 ? [await testFiles(files, name)] : []),
      ]) {
        total.passed += count.passed;
        total.failed += count.failed;
        total.skipped += count.skipped;
      }
    }
    process.stdout.write(
      `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}\n`,
    );
    return total.failed > 0 || total.passed === 0 ? 1 : 0;
  },
  { help: HELP },
);

/** Format, lint, types, locks, and lint of scripts and workflows: one test each. */
async function check(): Promise<Count> {
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

function printResult(count: Count, title: string, ok: boolean, output: string): void {
  count[ok ? "passed" : "failed"]++;
  note(`${ok ? "pass" : "FAIL"} ${title}${ok ? "" : `\n${output}`}`);
}

async function commands(all: Readonly<Record<string, readonly string[]>>): Promise<Count> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const [title, [command = "", ...args]] of Object.entries(all)) {
    const { ok, all: output } = await attempt(command, args, { cwd: repository });
    printResult(count, title, ok, output);
  }
  return count;
}

/** The checks' library and the programs of layers/ are Python, as they run in the image; unittest counts the tests. */
async function pythonTests(folders: readonly string[]): Promise<Count> {
  const total: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const folder of folders) {
    const packages = await packagesOf(folder);
    const { ok, all: output } = await attempt(
      "python3",
      ["-m", "unittest", "discover", "--verbose", "--start-directory", folder],
      { cwd: repository, env: { PYTHONDONTWRITEBYTECODE: "1", ...packages } },
    );
    const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0);
    const failed = number(/failures=(\d+)/) + number(/errors=(\d+)/) || (ok ? 0 : 1);
    const skipped = number(/skipped=(\d+)/);
    const ran = number(/Ran (\d+) tests?/);
    for (const [, test, reason] of output.matchAll(/^(\w+) .*\.\.\. skipped ['"](.*)['"]$/gm)) {
      note(`skip ${test}: ${reason}`);
    }
    if (ok) note(`pass ${ran - skipped} tests of ${folder}`);
    else note(output.slice(Math.max(0, output.indexOf("=".repeat(70)))));
    total.passed += Math.max(0, ran - failed - skipped);
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** The packages of a folder's requirements.txt, kept in the cache; its tests skip themselves where they are missing. */
async function packagesOf(folder: string): Promise<Record<string, string>> {
  const requirements = join(folder, "requirements.txt");
  if (!existsSync(join(repository, requirements))) return {};
  const kept = await keptWheels(requirements, "python3");
  if (kept.missing) note(kept.missing);
  return kept.folder ? { PYTHONPATH: kept.folder } : {};
}

async function testFiles(patterns: readonly string[], suite: string): Promise<Count> {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: repository })).sort();
  // Suites with a builder share two cores and a registry: one file at a time.
  const stream = runTests({
    files: files.map((file) => join(repository, file)),
    concurrency: suite === "unit" ? true : 1,
    cwd: repository,
  });
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
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
