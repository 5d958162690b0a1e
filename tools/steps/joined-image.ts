import { z } from "zod";
import { joinedImageTag } from "../../lib/registry/tags.ts";
import { imageOf, layersOf } from "../../oci/join-layers.ts";
import { readImage } from "../../oci/read/image.ts";
import { parseReference } from "../../oci/references.ts";
import { pushImage } from "../../oci/write/push.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";

const parts = z.record(z.string(), z.string());

/**
 * Makes an image of the layers of STRATA_PARTS (JSON: references by the stages' names) and of nothing else. All is in one
 * repository already, so only a configuration and a manifest are sent, and it gets the tag STRATA_TAG with its digest.
 * Called by the component JoinedImage; prints the reference.
 */
await main(async () => {
  const references = Object.entries(parts.parse(JSON.parse(required("STRATA_PARTS"))));
  const layers = await Promise.all(
    references.map(async ([name, reference]) => ({ name, image: layersOf(await readImage(reference)) })),
  );
  const { config, layers: all } = imageOf(layers);
  const reference = await pushImage(references[0]?.[1] ?? "", config, all);
  const { digest = "" } = parseReference(reference);
  await tagManifest(reference, joinedImageTag(required("STRATA_TAG"), digest));
  process.stdout.write(`${reference}\n`);
  return 0;
});
