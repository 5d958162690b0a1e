import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { type AptAnswer, readAptAnswer } from "../../lib/locks/apt-answer.ts";
import { type AptLock, fetchList } from "../../lib/locks/apt-lock.ts";
import { attempt, tail } from "../program/exec.ts";

/** Fetches packages by their hashes; the builds of layers use the same. */
export const fetchPackages = join(repository, "layers", "shared", "fetch-packages.sh");

/**
 * What the distribution's mirror has now of the packages `names`, a base image's own and all that they need. mmdebstrap
 * knows the mirror and its keys; it installs nothing.
 *
 * @param before a lock whose packages are looked for too: those that are nowhere are `gone`
 */
export async function resolveApt(
  mmdebstrap: string,
  suite: string,
  names: readonly string[],
  before?: AptLock,
  now = new Date(),
): Promise<AptAnswer> {
  const folder = await mkdtemp(join(tmpdir(), "strata-apt-"));
  try {
    const [answer, list] = [join(folder, "answer"), join(folder, "list")];
    if (before) await writeFile(list, fetchList(before, [...before.packages.values()]));
    const script = join(repository, "tools", "debian", "resolve-apt.sh");
    const hook = `sh -eu ${script} ${fetchPackages} ${list} ${names.join(" ")} >${answer}`;
    const words = [
      "--variant=custom",
      "--quiet",
      ...suiteOptions(suite),
      `--setup-hook=${hook}`,
      suite,
      "/dev/null",
    ];
    const result = await attempt(mmdebstrap, words);
    if (!result.ok || !existsSync(answer)) {
      throw new UserError(
        `packages of ${suite}`,
        `its mirror could not be asked:\n${tail(result.all, 10)}\n`,
        "Check that this machine's apt reaches it and knows its keys (the package ubuntu-keyring for Ubuntu).",
      );
    }
    return readAptAnswer(await readFile(answer, "utf8"), suite, snapshotDate(now));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Suites that are not released yet: their index says itself that it is old after a week, and mirrors that lag are used
 * all the same. What is signed is checked as ever.
 */
const testing: readonly string[] = ["forky"];

/** What mmdebstrap is told of a suite. */
export function suiteOptions(suite: string): string[] {
  return testing.includes(suite) ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : [];
}

/** The midnight that follows: a snapshot is hours behind its archive, and files stay in both for days. */
function snapshotDate(now: Date): string {
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
  return `${next.toISOString().slice(0, 10).replaceAll("-", "")}T000000Z`;
}
