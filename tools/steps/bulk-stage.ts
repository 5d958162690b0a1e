import { text } from "node:stream/consumers";
import { z } from "zod";
import { home } from "../../home.ts";
import { imageOf, layersOf, topLayer } from "../../oci/join-layers.ts";
import { imageExists, readImage } from "../../oci/read/image.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { pushImage } from "../../oci/write/push.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { freeInBuilder } from "../builder/builder.ts";
import { pushBuild } from "../builder/push-build.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/** Where the builder's client finds them. */
const CERTIFICATES = "STRATA_CERTIFICATES";

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
    const reference = await pushImage(target, image.config, top.layers);
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
  process.env[CERTIFICATES] = await text(process.stdin);
  return await pushBuild(
    { builder: required("STRATA_BUILDER"), beside: target, packing: "compression=uncompressed", name: stage },
    {
      folder: required("STRATA_CONTEXT"),
      images: z.record(z.string(), z.string()).parse(JSON.parse(required("STRATA_IMAGES"))),
      args: z.record(z.string(), z.string()).parse(JSON.parse(required("STRATA_ARGUMENTS"))),
      secrets: { ca: CERTIFICATES, hf_token: "HF_TOKEN", civitai_token: "CIVITAI_TOKEN" },
    },
  );
}

/** Without it the builder would hold each model twice, unpacked and as a blob, until its own limit. */
async function free(stage: string): Promise<void> {
  const isMeant = (description: string) => description.endsWith(`/context/build.sh ${stage}`);
  const count = await freeInBuilder(home, required("STRATA_BUILDER"), isMeant);
  if (count > 0) note(`the builder freed ${count} records`);
}
