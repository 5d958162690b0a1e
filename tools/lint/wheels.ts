import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { attempt, tail } from "../program/exec.ts";

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
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"],
      ...["--retries", "1", "--timeout", "20", "--no-deps", "--only-binary", ":all:"],
      ...["--require-hashes", "--requirement", join(repository, requirements), "--target", draft],
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

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
