import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, type CommandOptions, type CommandResult } from "../program/exec.ts";

/**
 * When buildctl is done it gives its traces 50 ms to leave, and on a busy machine ends with this alone, and status 1, whatever
 * it has done before (cmd/buildctl/common/trace.go of BuildKit 0.31.1).
 */
const TRACES_LEFT_BEHIND = /(?:^|\n)error: context deadline exceeded\s*$/;

/** The end of an export into a folder here, which writes nothing of itself. */
const FOLDER_EXPORTED = /^#(\d+) exporting to client directory$(?:[\s\S]*)^#\1 DONE /m;

/**
 * Runs `buildctl … build`. What an export writes of itself comes last and only from a build that succeeded: where that is
 * there, what buildctl says of its traces is no failure. Nor is it after an export into a folder.
 *
 * @param words all but the file for what the exporter says
 * @param metadata that file. @default one that nobody reads
 */
export async function buildctlBuild(
  program: string,
  words: readonly string[],
  metadata: string | undefined,
  options: CommandOptions,
): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), "strata-build-"));
  const file = metadata ?? join(folder, "metadata.json");
  try {
    await rm(file, { force: true });
    const result = await attempt(program, [...words, "--metadata-file", file], options);
    if (result.ok || !TRACES_LEFT_BEHIND.test(result.stderr)) return result;
    const isDone = await stat(file).then(
      ({ size }) => size > 0,
      () => false,
    );
    return { ...result, ok: isDone || FOLDER_EXPORTED.test(result.stderr) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
