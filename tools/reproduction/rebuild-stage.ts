import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { writeBuildContext } from "../../lib/plan/build-context.ts";
import type { Stage } from "../../lib/plan/plan.ts";
import { defaultCompression, packing } from "../../lib/registry/compression.ts";
import { buildInBuilder } from "../builder/builder.ts";
import { tail } from "../program/exec.ts";
import { OTHER_HOST, type SpareBuilder } from "./spare-builder.ts";

/** Where the builder's client finds certificates. */
const CERTIFICATES = "STRATA_CERTIFICATES";
const exported = z.object({ "containerimage.digest": z.string() });

/** What a stage is built from: images by the names that its Dockerfile has for them. */
export interface RebuildInputs {
  readonly stage: Stage;
  readonly images: Readonly<Record<string, string>>;
  /** PEM, as a secret of the build. */
  readonly certificates: string | undefined;
}

/**
 * Builds a stage as the update did that published it. What comes out stays in the builder.
 *
 * @returns its digest
 * @throws UserError with the end of the build's output
 */
export async function rebuildStage(
  { home, signal }: SpareBuilder,
  { stage, images, certificates }: RebuildInputs,
  say: (line: string) => void,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "strata-again-"));
  const metadata = join(folder, "metadata.json");
  process.env[CERTIFICATES] = certificates ?? "";
  const { kind, level } = stage.compression ?? defaultCompression;
  const packed =
    stage.role === "build" ? `compression=${kind},compression-level=${level}` : packing({ kind, level });
  try {
    const result = await buildInBuilder(home, "strata", {
      folder: writeContextAnew(home.contexts, stage),
      images,
      // The last is BuildKit's own: what a step finds as its machine's name.
      args: { ...stage.args, BUILDKIT_SANDBOX_HOSTNAME: OTHER_HOST },
      secrets: { ca: CERTIFICATES },
      output: `type=image,oci-mediatypes=true,${packed}`,
      metadata,
      onLine: say,
      signal,
    });
    if (signal.aborted) throw new UserError("reproduce", "was interrupted.", "");
    if (!result.ok) throw new UserError(stage.name, `could not be built again:\n${tail(result.all, 15)}`, "");
    return exported.parse(JSON.parse(await readFile(metadata, "utf8")))["containerimage.digest"];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Under another umask: a context's modes are its own. */
function writeContextAnew(folder: string, stage: Stage): string {
  const before = process.umask(0o077);
  try {
    return writeBuildContext(folder, stage);
  } finally {
    process.umask(before);
  }
}
