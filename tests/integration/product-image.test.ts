/** The product, which a manifest says, beside the one that a build makes of the same stages: real BuildKit, registry, Pulumi. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readImage } from "../../oci/read/image.ts";
import { buildInBuilder } from "../../tools/builder/builder.ts";
import { writeFile } from "../support/layers.ts";
import { productDockerfile } from "../support/product-dockerfile.ts";
import { finish } from "./support/small-layers.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

let stack: TestStack;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "strata-product-"));
  stack = await openTestStack();
});
after(async () => {
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a build in the test's builder. @returns the digest of what it pushed */
async function build(dockerfile: string, images: Readonly<Record<string, string>>, output: string) {
  const context = mkdtempSync(join(folder, "context-"));
  writeFile(context, "Dockerfile", dockerfile);
  const metadata = join(context, "metadata.json");
  const args = { SOURCE_DATE_EPOCH: String(Date.parse(stack.plan().product.settings.created) / 1000) };
  const request = { folder: context, images, args, output, metadata };
  const { ok, all } = await buildInBuilder(stack.home, "strata", request);
  assert.ok(ok, all);
  const written = existsSync(metadata) ? JSON.parse(readFileSync(metadata, "utf8")) : {};
  return String(written["containerimage.digest"]);
}

/** The image that a Dockerfile makes of the stages of an update. */
async function builtBeside({ stages }: StackUpdate): Promise<string> {
  const { product } = stack.plan();
  const images = Object.fromEntries(
    product.parents.map((name) => [name, `${stack.repository}@${stages[name]?.digest}`]),
  );
  const output = `type=image,name=${stack.repository},push=true,push-by-digest=true,oci-mediatypes=true,compression=zstd,compression-level=3,force-compression=true`;
  return `${stack.repository}@${await build(productDockerfile(product), images, output)}`;
}

/** All files of an image as the builder unpacks them: type, mode, owner, time, links and contents. */
async function unpacked(reference: string): Promise<string> {
  const listing = [
    // Nothing runs in the image itself: a container leaves mount points in it.
    "FROM image AS listed",
    "USER 0",
    "RUN --network=none --mount=type=bind,from=image,target=/image cd /image \\",
    " && find . -printf '%p %y %m %U:%G %Ts %l\\n' >/listing && find . -type f -exec sha256sum {} + >>/listing",
    "FROM scratch",
    "COPY --from=listed /listing /",
    "",
  ].join("\n");
  const target = mkdtempSync(join(folder, "listing-"));
  await build(listing, { image: reference }, `type=local,dest=${target}`);
  return readFileSync(join(target, "listing"), "utf8").split("\n").sort().join("\n");
}

const digests = async (reference: string) => (await readImage(reference)).layers.map(({ digest }) => digest);

test("layers, settings and files are those of a build, and no blob but manifest and configuration is new", async () => {
  const update = await stack.up();
  const [image, built] = await Promise.all([
    readImage(update.reference),
    builtBeside(update).then(readImage),
  ]);
  assert.deepEqual(image.layers, built.layers);
  const { history: own, created, ...rest } = image.config;
  const { history: other, created: time, ...others } = built.config;
  assert.deepEqual(rest, others);
  assert.equal(Date.parse(String(created)), Date.parse(String(time)));
  // One entry for each layer, which is what engines count by.
  const ofLayers = (history: typeof own) => (history ?? []).filter(({ empty_layer }) => !empty_layer);
  assert.equal(ofLayers(own).length, image.layers.length);
  assert.equal(ofLayers(other).length, image.layers.length);
  assert.deepEqual(
    ofLayers(own)
      .slice(-3)
      .map(({ created_by }) => created_by),
    ["strata: c", "strata: a", "strata: b"],
  );
});

test("stages of several layers: those that only add are joined as they are, what hides files is made one first", async () => {
  // Two layers that add; and one upon the system's that hides /opt/a, which another stage has.
  stack.edit(
    "c/Dockerfile",
    `FROM system AS build\nARG SOURCE_DATE_EPOCH\nRUN mkdir -p /out/opt/c/two && echo 1 >/out/opt/c/one && ln /out/opt/c/one /out/opt/c/two/linked && ${finish.replace(
      "COPY --link --from=build /out /",
      "COPY --link --from=build /out/opt/c/one /opt/c/\nCOPY --link --from=build /out/opt/c/two /opt/c/two",
    )}`,
  );
  stack.edit(
    "d/Dockerfile",
    "FROM system\nRUN mkdir -p /opt/a && echo hidden >/opt/a/value\nRUN rm -r /opt/a && mkdir /opt/d && echo d >/opt/d/value\n",
  );
  stack.edit("variant.json", JSON.stringify({ order: ["c", "a", "d", "b"] }));
  const update = await stack.up();
  const at = (name: string) => `${stack.repository}@${update.stages[name]?.digest}`;
  const [c, d, product] = await Promise.all([at("c"), at("d"), update.reference].map(digests));
  assert.equal(c?.length, 2);
  assert.ok(d && d.length > 2);
  assert.deepEqual(
    c?.filter((digest) => !product?.includes(digest)),
    [],
  );
  assert.ok(
    !product?.includes(d.at(-1) ?? ""),
    "a layer that hides files of another stage is in the product",
  );
  const built = await builtBeside(update);
  const [joined, copied] = [await unpacked(update.reference), await unpacked(built)];
  assert.match(joined, /^\.\/opt\/a\/value f/m);
  assert.match(joined, /^\.\/opt\/d\/value f/m);
  assert.equal(joined, copied);
});
