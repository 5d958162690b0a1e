import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { repository } from "../../../home.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import { keptWheels } from "../../lint/wheels.ts";
import { attempt } from "../../program/exec.ts";
import { note } from "../../program/progress.ts";
import { addUp, type TestCount } from "./count.ts";

/**
 * The checks' library and the programs of layers/ are Python, as they run in the image; unittest counts the tests. A file is a
 * process, as many at a time as there are cores.
 */
export async function pythonTests(folder: string): Promise<TestCount> {
  const packages = await packagesOf(folder);
  const files = readdirSync(join(repository, folder)).filter((name) => /^test_.*\.py$/.test(name));
  const count = addUp(
    await inParallel(availableParallelism(), files.sort(), (file) => testFile(folder, file, packages)),
  );
  if (count.failed === 0) note(`pass ${count.passed} tests of ${folder}`);
  return count;
}

async function testFile(
  folder: string,
  file: string,
  packages: Readonly<Record<string, string>>,
): Promise<TestCount> {
  const { ok, all: output } = await attempt(
    "python3",
    ["-m", "unittest", "discover", "--verbose", "--start-directory", folder, "--pattern", file],
    { cwd: repository, env: { PYTHONDONTWRITEBYTECODE: "1", ...packages } },
  );
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0);
  const failed = number(/failures=(\d+)/) + number(/errors=(\d+)/) || (ok ? 0 : 1);
  const skipped = number(/skipped=(\d+)/);
  const ran = number(/Ran (\d+) tests?/);
  for (const [, test, reason] of output.matchAll(/^(\w+) .*\.\.\. skipped ['"](.*)['"]$/gm)) {
    note(`skip ${test}: ${reason}`);
  }
  if (!ok) note(`FAIL ${file}\n${output.slice(Math.max(0, output.indexOf("=".repeat(70))))}`);
  return { passed: Math.max(0, ran - failed - skipped), failed, skipped };
}

/** The packages of a folder's requirements.txt, kept in the cache; its tests skip themselves where they are missing. */
async function packagesOf(folder: string): Promise<Record<string, string>> {
  const requirements = join(folder, "requirements.txt");
  if (!existsSync(join(repository, requirements))) return {};
  const kept = await keptWheels(requirements, "python3");
  if (kept.missing) note(kept.missing);
  return kept.folder ? { PYTHONPATH: kept.folder } : {};
}
