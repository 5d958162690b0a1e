/** Building a bulk stage and joining models, against a registry of the test; the builder has an integration test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readImage } from "../../../../oci/read/image.ts";
import { recordsIn } from "../../../../tools/builder/builder.ts";
import { imagesIn } from "../../../../tools/preview/engine.ts";
import { REPOSITORY } from "../../oci/support/fake-registry.ts";
import { fakeDocker, layer, runStep, sha, started } from "./support/run-step.ts";

test("a stage that is in the registry is not built again, whoever built it", async (t) => {
  const registry = await started(t);
  const { digest } = registry.image("stage-model-vae-00", [layer("a model")]);
  const target = `${registry.host}/${REPOSITORY}:stage-model-vae-00`;
  const { exitCode, stdout, stderr } = await runStep(t, "bulk-stage", {
    STRATA_TARGET: target,
    STRATA_STAGE: "model-vae",
    STRATA_BUILDER: "strata",
  });
  assert.equal(exitCode, 0, stderr);
  assert.equal(stdout, `${registry.host}/${REPOSITORY}@${digest}`);
  assert.ok(!registry.requests.some((request) => request.startsWith("PUT")));
});

test("of a built stage the last layer is kept under its tag, secrets go by name, and the builder is freed", async (t) => {
  const registry = await started(t);
  const tools = [layer("toolbox"), layer("aria2"), layer("a model")];
  const config = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [sha("1"), sha("2"), sha("3")] },
  };
  const built = registry.image("built", tools, config);
  const records = [
    "ID:\\tone\\nDescription:\\tmount / from exec /bin/sh -c sh -eu /context/build.sh model-vae\\n\\n",
    "ID:\\ttwo\\nDescription:\\tmount / from exec /bin/sh -c sh -eu /context/build.sh model-vae-2\\n\\n",
    "ID:\\tthree\\nDescription:\\tcached mount /cache from exec /bin/sh -c sh -eu /context/build.sh model-vae with id x\\n",
  ].join("");
  const { bin, calls } = fakeDocker(t, built.digest, records);
  const repositoryName = `${registry.host}/${REPOSITORY}`;
  const { exitCode, stdout, stderr } = await runStep(
    t,
    "bulk-stage",
    {
      PATH: `${bin}:/usr/bin:/bin`,
      STRATA_TARGET: `${repositoryName}:stage-model-vae-00`,
      STRATA_STAGE: "model-vae",
      STRATA_CONTEXT: "contexts/vae",
      STRATA_IMAGES: `{"model-tools":"${repositoryName}@${sha("9")}"}`,
      STRATA_ARGUMENTS: '{"SOURCE_DATE_EPOCH":"1"}',
      STRATA_BUILDER: "strata",
      HF_TOKEN: "hf_secret",
      CIVITAI_TOKEN: "",
    },
    "A CERTIFICATE",
  );
  assert.equal(exitCode, 0, stderr);
  const image = await readImage(`${repositoryName}:stage-model-vae-00`);
  assert.equal(stdout, `${repositoryName}@${image.digest}`);
  assert.deepEqual(image.config.rootfs?.diff_ids, [sha("3")]);
  assert.deepEqual(
    image.layers.map(({ digest }) => digest),
    [(await readImage(`${repositoryName}:built`)).layers[2]?.digest],
  );
  const [build = "", , ...prunes] = calls();
  assert.match(build, /^buildx build --builder strata --progress=plain --provenance=false /);
  assert.match(
    build,
    / --secret id=ca,env=STRATA_CERTIFICATES --secret id=hf_token,env=HF_TOKEN --metadata-file /,
  );
  assert.match(build, /compression=uncompressed contexts\/vae$/);
  assert.doesNotMatch(build, /civitai|hf_secret|CERTIFICATE\b(?!S)/);
  assert.deepEqual(prunes, ["buildx prune --builder strata --all --force --filter id=one"]);
  assert.match(stderr, /^1\/1 vae\.safetensors: 1 MB of 2 MB$/m);
});

test("a stage that cannot be built fails with its name, and gets no tag", async (t) => {
  const registry = await started(t);
  const { exitCode, stderr } = await runStep(t, "bulk-stage", {
    STRATA_TARGET: `${registry.host}/${REPOSITORY}:stage-model-vae-00`,
    STRATA_STAGE: "model-vae",
    STRATA_CONTEXT: "none",
    STRATA_IMAGES: "{}",
    STRATA_ARGUMENTS: "{}",
    STRATA_BUILDER: "strata",
  });
  assert.equal(exitCode, 1);
  assert.match(stderr, /strata: model-vae: could not be built:/);
  assert.ok(!registry.requests.some((request) => request.startsWith("PUT")));
});

test("layers are joined to an image by its manifest alone, and the same parts give the same digest", async (t) => {
  const registry = await started(t);
  const config = (diffs: string[], more: object = {}) => ({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: diffs },
    ...more,
  });
  const named = (tag: string) => `${registry.host}/${REPOSITORY}:${tag}`;
  registry.image("one", [layer("model one")], config([sha("3")]));
  registry.image("two", [layer("model two")], config([sha("4")]));
  const parts = JSON.stringify({ one: named("one"), two: named("two") });
  const given = { STRATA_PARTS: parts, STRATA_TAG: "product-wan22-library" };
  const joined = await runStep(t, "joined-image", given);
  assert.equal(joined.exitCode, 0, joined.stderr);
  const image = await readImage(joined.stdout);
  assert.deepEqual(image.config.rootfs?.diff_ids, [sha("3"), sha("4")]);
  assert.equal(image.layers.length, 2);
  const uploads = registry.requests.filter((request) => request.startsWith("PUT"));
  assert.equal(uploads.length, 3, "a configuration, a manifest, and the same under a tag");
  const tag = `product-wan22-library-${image.digest.slice("sha256:".length, 27)}`;
  assert.equal((await readImage(named(tag))).digest, image.digest);
  const again = await runStep(t, "joined-image", given);
  assert.equal(again.stdout, joined.stdout);
});

test("a preview counts a bulk stage that is made, and none whose command only runs again", () => {
  const image = "strata:index:LayeredImage$strata:index:ImageStage$docker-build:index:Image";
  const bulk = "strata:index:LayeredImage$strata:index:BulkStage$command:local:Command";
  const steps = [
    { op: "update", urn: `urn:pulumi:dev::strata::${image}::wan22-torch` },
    { op: "same", urn: `urn:pulumi:dev::strata::${image}::wan22-cuda` },
    { op: "create", urn: `urn:pulumi:dev::strata::${bulk}::wan22-model-vae` },
    { op: "update", urn: `urn:pulumi:dev::strata::${bulk}::wan22-model-clip` },
    {
      op: "create",
      urn: "urn:pulumi:dev::strata::strata:index:SmokeTest$command:local:Command::wan22-smoke",
    },
  ];
  assert.deepEqual(imagesIn(steps), [
    { name: "wan22-torch", op: "update" },
    { name: "wan22-model-vae", op: "create" },
  ]);
});

test("the builder's records are read from what buildctl and buildx print", () => {
  const buildctl = [
    "ID:\t\tq7d2m0\nParents:\tabc\nCreated at:\t2026-11-21\nMutable:\tfalse\nDescription:\tmount / from exec /bin/sh -c sh -eu /context/build.sh model-vae\nUsage count:\t1",
    "ID:\t\tzz\nMutable:\ttrue\nUsage count:\t1",
    "Reclaimable:\t1MB\nTotal:\t1MB",
  ].join("\n\n");
  const found = [
    { id: "q7d2m0", description: "mount / from exec /bin/sh -c sh -eu /context/build.sh model-vae" },
    { id: "zz", description: "" },
  ];
  assert.deepEqual(recordsIn(buildctl), found);
  const buildx = buildctl
    .replaceAll(/:\t+/g, ":          ")
    .replace("Parents:          abc", "Parents:\n - abc");
  assert.deepEqual(recordsIn(buildx), found);
});
