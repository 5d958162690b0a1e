import { UserError } from "../../../errors.ts";
import { parsePythonLock } from "../../../lib/locks/python-lock.ts";
import { tail } from "../../program/exec.ts";
import type { Compile } from "../uv.ts";

/** The newest version of each package that the index has for a Python, whatever the others ask for. */
export async function newestVersions(
  compile: Compile,
  python: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const files = new Map([["names.in", names]]);
  const { ok, stdout, all } = await compile({ python, files, args: ["--no-deps"] });
  if (!ok) {
    throw new UserError(
      "the package index",
      `does not say which versions it has:\n${tail(all, 10)}\n`,
      "Check the network, or use --offline.",
    );
  }
  const versions = [...parsePythonLock(stdout, "newest versions")];
  return new Map(versions.map(([name, { version }]) => [name, version]));
}
