import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { satisfies } from "compare-versions";
import { attempt } from "../program/exec.ts";
import { findVersion } from "./tool-versions.ts";

/** Where Debian keeps programs that not every user's PATH names; runc is one. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Every executable called `name`, in the order of `path` (a PATH), then of the system's folders. */
export function executables(name: string, path: string): string[] {
  const folders = [...path.split(delimiter).filter(Boolean), ...SYSTEM_FOLDERS];
  return [...new Set(folders)].map((folder) => join(folder, name)).filter(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A program that was found, or what speaks against the ones that were. */
export type ProgramSearch =
  | { readonly path: string; readonly version: string }
  | { readonly path?: never; readonly rejected: readonly string[] };

/** The first executable called `name` whose version is in `range` (`>=3.200 <4.0`); `versionArgs` make it print that. */
export async function findOnPath(
  name: string,
  versionArgs: readonly string[],
  range: string,
  path: string,
): Promise<ProgramSearch> {
  const rejected: string[] = [];
  for (const candidate of executables(name, path)) {
    const answer = await attempt(candidate, versionArgs, { timeout: 10_000 });
    const version = answer.ok ? findVersion(answer.all) : undefined;
    if (version && satisfies(version, range)) return { path: candidate, version };
    rejected.push(`${candidate} is ${version ?? "of an unknown version"}`);
  }
  return { rejected };
}
