import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Compression, compressionKinds, packing } from "../../lib/registry/compression.ts";
import { productSettingsSchema } from "../../lib/registry/product-settings.ts";
import { layersOf, standsAlone, withLayers, withSettings } from "../../oci/join-layers.ts";
import { readImage } from "../../oci/read/image.ts";
import { parseReference } from "../../oci/references.ts";
import { pushImage } from "../../oci/write/push.ts";
import { tagManifest } from "../../oci/write/tag.ts";
import { pushBuild } from "../builder/push-build.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const references = z.record(z.string(), z.string());
const compressionSchema = z.object({ kind: z.enum(compressionKinds), level: z.number() });

/**
 * Puts a product together: the layers of STRATA_PARTS (JSON: references by the stages' names, the system's first), and the
 * configuration of the system with STRATA_SETTINGS. All layers are in the repository already, so only a configuration and a
 * manifest are sent, under the tag STRATA_TARGET. Called by the component ProductImage; prints the reference.
 */
await main(async () => {
  const target = required("STRATA_TARGET");
  const settings = productSettingsSchema.parse(JSON.parse(required("STRATA_SETTINGS")));
  const compression = compressionSchema.parse(JSON.parse(required("STRATA_COMPRESSION")));
  const [system, ...others] = Object.entries(references.parse(JSON.parse(required("STRATA_PARTS"))));
  if (!system) throw new Error("A product has no stages.");
  const [below, ...parts] = await Promise.all([
    readImage(system[1]),
    ...others.map(async ([name, reference]) => ({
      name,
      image: await joinable(name, reference, compression),
    })),
  ]);
  const { layers, config } = withLayers(
    { ...below, layers: layersOf(below).layers },
    parts,
    settings.created,
  );
  const reference = await pushImage(target, withSettings(config, settings), layers);
  await tagManifest(reference, parseReference(target).tag ?? "");
  process.stdout.write(`${reference}\n`);
  return 0;
});

/**
 * The layers of a stage. Where one of them may hide what another stage has at the same place, the builder makes one layer of
 * the stage's files, as a Dockerfile's `COPY --link` from it would.
 */
async function joinable(name: string, reference: string, compression: Compression) {
  const image = await readImage(reference);
  if (standsAlone(image)) return layersOf(image);
  note(`${name}: ${image.layers.length} layers, which may hide files of other stages; its files become one`);
  const folder = await mkdtemp(join(tmpdir(), "strata-layer-"));
  try {
    await writeFile(join(folder, "Dockerfile"), "FROM scratch\nCOPY --link --from=stage / /\n");
    const builder = required("STRATA_BUILDER");
    const one = await pushBuild(
      { builder, beside: reference, packing: packing(compression), name },
      { folder, images: { stage: reference } },
    );
    return layersOf(await readImage(one));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
