import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { cache, repository } from "../../home.ts";
import { attempt, lastLine, tail } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";

/**
 * Installs the wheels of a requirements file into a folder: under a temporary name first, so that an interruption
 * leaves nothing half done.
 *
 * @param requirements the file, below the repository
 * @param python the Python that installs them
 * @returns why they cannot be had, if so
 * @throws UserError when what arrives is not what was pinned
 */
export async function installWheels(
  requirements: string,
  target: string,
  python: string,
): Promise<string | undefined> {
  const pip = await attempt(python, ["-m", "pip", "--version"]);
  if (!pip.ok) return `no ${python} with pip: ${lastLine(pip.all)}`;
  const draft = await mkdir(dirname(target), { recursive: true })
    .then(() => mkdtemp(`${target}.`))
    .catch(() => undefined);
  if (!draft) return `cannot write to ${dirname(target)}`;
  try {
    const result = await attempt(python, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--no-cache-dir",
      "--retries",
      "1",
      "--timeout",
      "20",
      "--no-deps",
      "--only-binary",
      ":all:",
      "--require-hashes",
      "--requirement",
      join(repository, requirements),
      "--target",
      draft,
    ]);
    if (/DO NOT MATCH THE HASHES/.test(result.all)) {
      throw new UserError(
        requirements,
        `what the package index serves is not what was pinned:\n${tail(result.all, 10)}\n`,
        "Try again; if it stays so, look at the index that pip is configured for.",
      );
    }
    if (!result.ok) return `pip cannot install them: ${lastLine(result.all)}`;
    // Another run may have been faster; its folder is the same.
    await rename(draft, target).catch(() => undefined);
    return undefined;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * The packages of a requirements file, kept in the cache by what it says and by the Python.
 *
 * @returns the folder for PYTHONPATH, or why they cannot be had
 * @throws UserError when what arrives is not what was pinned
 */
export async function keptWheels(
  requirements: string,
  python: string,
): Promise<{ readonly folder?: string; readonly missing?: string }> {
  const { all: version } = await attempt(python, ["--version"]);
  const hash = createHash("sha256")
    .update(readFileSync(join(repository, requirements)))
    .update(version);
  const folder = join(cache, `tests-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return { folder };
  const missing = await withProgress(`Installing the packages of ${dirname(requirements)}`, () =>
    installWheels(requirements, folder, python),
  );
  return missing ? { missing } : { folder };
}
