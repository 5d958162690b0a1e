import { layersOf, type SessionImage, type SessionLayers, sessionImage } from "../../oci/join-layers.ts";
import { readImage } from "../../oci/read/image.ts";

/** What a shell is opened in, and what runs there. */
export interface Session {
  /** How the machine calls itself inside. */
  readonly hostname: string;
  readonly image: SessionImage;
  /** A line for `sh`; undefined for a shell to type in. */
  readonly command: string | undefined;
  /** Whether there is a terminal to hand on. */
  readonly terminal: boolean;
  /** Folder of this machine that is there as `/context`, to be read. */
  readonly context?: string;
  /** Whether what it writes is kept instead of shown; its errors are shown all the same. */
  readonly capture?: boolean;
}

export interface SessionResult {
  /** The command's exit code. */
  readonly code: number;
  /** What it wrote, if that was kept. */
  readonly stdout: string;
}

/** Where a session's `context` is. */
export const contextFolder = "/context";

/** How a session's streams go on to this program's. */
export function streamsOf({ capture = false }: Pick<Session, "capture">) {
  return {
    stdin: "inherit",
    stdout: capture ? "pipe" : "inherit",
    stderr: "inherit",
    reject: false,
  } as const;
}

/** Reads images from their registry and puts them on top of each other. */
export async function joinedImage(
  references: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<SessionImage> {
  const parts = references.map(async (reference): Promise<SessionLayers> => {
    const image = await readImage(reference);
    return { reference, ...layersOf(image), environment: image.config.config?.Env ?? [] };
  });
  return sessionImage(await Promise.all(parts), environment);
}

/** The program that a session runs: every stage that has a shell has `sh`, most have `bash`. */
export function sessionArgs({ command }: Pick<Session, "command">): string[] {
  return ["/bin/sh", "-c", command ?? "command -v bash >/dev/null && exec bash; exec sh"];
}
