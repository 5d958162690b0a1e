import { execa } from "execa";
import type { Engine } from "./engine.ts";

/** A command of a document, and what its comment says that comes out, if it says so in quotes. */
export interface WrittenCommand {
  readonly command: string;
  readonly comment: string;
}

/** The commands of the `sh` blocks that run a container, block by block, as they stand there. */
export function containerBlocks(text: string): WrittenCommand[][] {
  return [...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```$/gm)]
    .map(([, block = ""]) => block)
    .filter((block) => /^docker run .*(<reference>|IMAGE)/m.test(block.replaceAll("\\\n", "")))
    .map((block) =>
      block
        .replaceAll(/\\\n\s*/g, "")
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => {
          const [, command = "", comment = ""] = /^(.*?)(?:\s+#\s(.*))?$/.exec(line) ?? [];
          return { command, comment };
        }),
    );
}

/**
 * Types the commands of a block into a shell, one after the other. What runs a container stays in the background, healthy, until
 * the next one, or the end.
 *
 * @returns what each command wrote
 */
export async function typeCommands(
  engine: Engine,
  block: readonly WrittenCommand[],
  { image, folder }: { readonly image: string; readonly folder: string },
): Promise<string[]> {
  const stop = 'running=$(docker ps --quiet); [ -z "$running" ] || docker kill $running >/dev/null; wait';
  const healthy =
    'for try in $(seq 600); do docker exec "$(docker ps --latest --quiet)" /opt/strata/runtime/healthcheck >/dev/null 2>&1 && break; sleep 0.5; done';
  const lines = block.flatMap(({ command }, index) => {
    const typed = command.replaceAll(/<reference>|\bIMAGE\b/g, image);
    return typed.startsWith("docker run")
      ? [stop, `${typed} >"out-${index}" 2>&1 &`, healthy]
      : // An assignment has to stay in this shell.
        /^\w+=/.test(typed)
        ? [typed]
        : [`${typed} >"out-${index}" 2>&1`];
  });
  const read = block.map((_, index) => `printf '\\0'; cat "out-${index}" 2>/dev/null || true`);
  const { stdout } = await execa("sh", ["-euc", [...lines, ...read, stop].join("\n")], {
    cwd: folder,
    env: { ...engine.environment },
    stdin: "ignore",
  });
  return stdout.split("\0").slice(1);
}
