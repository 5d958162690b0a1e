import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { type Home, home } from "../../home.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { type BuildRequest, buildInBuilder } from "./builder.ts";

/** What an export writes of itself. */
const exported = z.object({ "containerimage.digest": z.string() });

/** Times and numbers that BuildKit puts before a line of a step's output: `#7 12.3 `. */
const stepPrefix = /^#\d+ [0-9.]+ /;

/** Where a build goes, and how its layers are packed. */
export interface PushTarget {
  /** Name of the builder. */
  readonly builder: string;
  /** Any reference to the repository; the image gets no tag. */
  readonly beside: string;
  /** As BuildKit's exporter has it, such as `compression=uncompressed`. */
  readonly packing: string;
  /** Who it is to the user, for errors. */
  readonly name: string;
}

/** Builds an image in the builder and pushes it by its digest; what the build says is shown. @returns `repository@sha256:…` */
export async function pushBuild(
  target: PushTarget,
  request: Omit<BuildRequest, "output" | "metadata" | "onLine">,
): Promise<string> {
  return await pushImageOf(home, target, {
    ...request,
    onLine: (line) => {
      if (/^#\d+ /.test(line)) note(line.replace(stepPrefix, ""));
    },
  });
}

/** The same from a builder of any home, and without a word. */
export async function pushImageOf(
  home: Home,
  { builder, beside, packing, name }: PushTarget,
  request: Omit<BuildRequest, "output" | "metadata">,
): Promise<string> {
  const { registry, repository } = parseReference(beside);
  const to = formatReference({ registry, repository });
  const folder = await mkdtemp(join(tmpdir(), "strata-push-"));
  const metadata = join(folder, "metadata.json");
  try {
    const result = await buildInBuilder(home, builder, {
      ...request,
      output: `type=image,name=${to},push=true,push-by-digest=true,oci-mediatypes=true,${packing}`,
      metadata,
    });
    if (!result.ok) throw new UserError(name, `could not be built:\n${tail(result.all, 30)}`, "");
    const { "containerimage.digest": digest } = exported.parse(JSON.parse(await readFile(metadata, "utf8")));
    return formatReference({ registry, repository, digest });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
