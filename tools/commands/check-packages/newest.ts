import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../errors.ts";
import { parsePythonLock } from "../../../lib/locks/python-lock.ts";
import type { Compile } from "../../lock/uv.ts";
import { tail } from "../../program/exec.ts";

/** The newest version of each package that the index has for a Python, whatever the others ask for. */
export async function newestVersions(
  compile: Compile,
  python: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "strata-newest-"));
  try {
    await writeFile(join(folder, "names.in"), names.map((name) => `${name}\n`).join(""));
    const { ok, stdout, all } = await compile(folder, python, ["names.in", "--no-deps"]);
    if (!ok) {
      throw new UserError(
        "the package index",
        `does not say which versions it has:\n${tail(all, 10)}\n`,
        "Check the network, or use --offline.",
      );
    }
    const versions = [...parsePythonLock(stdout, "newest versions")];
    return new Map(versions.map(([name, { version }]) => [name, version]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
