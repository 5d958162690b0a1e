import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { imageOf, layersOf, topLayer } from "../../oci/join-layers.ts";
import { imageExists, readImage } from "../../oci/read/image.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { pushImage } from "../../oci/write/push.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { buildInBuilder, freeInBuilder } from "../builder/builder.ts";
import { required } from "../program/environment.ts";
import { tail } from "../program/exec.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/** Where the builder's client finds them. */
const CERTIFICATES = "STRATA_CERTIFICATES";

/** What an export writes of itself. */
const exported = z.object({ "containerimage.digest": z.string() });

/** Times and numbers that BuildKit puts before a line of a step's output: `#7 12.3 `. */
const stepPrefix = /^#\d+ [0-9.]+ /;

/**
 * Builds the bulk stage STRATA_STAGE from the context STRATA_CONTEXT and leaves it under the tag STRATA_TARGET, as an
 * image of one layer. A tag that is there is the stage: its key is part of the tag, so nothing is fetched or built
 * again. Afterwards the builder keeps nothing of it. Called by the component BulkStage; prints the reference.
 *
 * Certificates come on stdin. They, HF_TOKEN and CIVITAI_TOKEN reach the build as secrets.
 */
await main(async () => {
  const target = required("STRATA_TARGET");
  const stage = required("STRATA_STAGE");
  if (!(await imageExists(target, undefined, UNSAID))) {
    const built = await build(target, stage);
    const top = topLayer(layersOf(await readImage(built)));
    const image = imageOf([{ name: stage, image: top }]);
    const reference = await pushImage(target, image.config, top.layers.map(plain));
    await tagManifest(reference, parseReference(target).tag ?? "");
  }
  await free(stage);
  const { digest } = await readImage(target);
  const { registry, repository } = parseReference(target);
  process.stdout.write(`${formatReference({ registry, repository, digest })}\n`);
  return 0;
});

/** @returns `repository@sha256:…` of the image as it was built, tools below. */
async function build(target: string, stage: string): Promise<string> {
  const { registry, repository } = parseReference(target);
  const name = formatReference({ registry, repository });
  const folder = await mkdtemp(join(tmpdir(), "strata-model-"));
  process.env[CERTIFICATES] = await text(process.stdin);
  const metadata = join(folder, "metadata.json");
  try {
    const result = await buildInBuilder(home, required("STRATA_BUILDER"), {
      folder: required("STRATA_CONTEXT"),
      images: z.record(z.string(), z.string()).parse(JSON.parse(required("STRATA_IMAGES"))),
      args: z.record(z.string(), z.string()).parse(JSON.parse(required("STRATA_ARGUMENTS"))),
      secrets: { ca: CERTIFICATES, hf_token: "HF_TOKEN", civitai_token: "CIVITAI_TOKEN" },
      output: `type=image,name=${name},push=true,push-by-digest=true,oci-mediatypes=true,compression=uncompressed`,
      metadata,
      onLine: (line) => {
        if (/^#\d+ /.test(line)) note(line.replace(stepPrefix, ""));
      },
    });
    if (!result.ok) throw new UserError(stage, `could not be built:\n${tail(result.all, 30)}`, "");
    const { "containerimage.digest": digest } = exported.parse(JSON.parse(await readFile(metadata, "utf8")));
    return formatReference({ registry, repository, digest });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without it the builder would hold each model twice, unpacked and as a blob, until its own limit. */
async function free(stage: string): Promise<void> {
  const isMeant = (description: string) => description.endsWith(`/context/build.sh ${stage}`);
  const count = await freeInBuilder(home, required("STRATA_BUILDER"), isMeant);
  if (count > 0) note(`the builder freed ${count} records`);
}

/** Without what the exporter notes beside a layer. */
function plain({ mediaType, digest, size }: { mediaType: string; digest: string; size: number }) {
  return { mediaType, digest, size };
}
