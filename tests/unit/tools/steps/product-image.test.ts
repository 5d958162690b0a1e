/** Putting a product together, against a registry of the test; beside a real build it is in tests/integration. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { readImage } from "../../../../oci/read/image.ts";
import { REPOSITORY } from "../../oci/support/fake-registry.ts";
import { fakeDocker, layer, runStep, sha, started } from "./support/run-step.ts";

const settings = {
  created: "2026-01-01T00:00:00.000Z",
  labels: { "strata.recipe": "test" },
  environment: { PATH: "/opt/bin" },
  ports: [8080],
  healthcheck: { command: ["/health"], intervalSeconds: 30, timeoutSeconds: 5, startPeriodSeconds: 60 },
  user: "strata",
  entrypoint: ["/entry"],
};

/** A registry with a system of two layers and the stages one, two and many, of which the last has a step that may hide files. */
async function withStages(t: TestContext) {
  const registry = await started(t);
  const named = (tag: string) => `${registry.host}/${REPOSITORY}:${tag}`;
  const config = (diffs: string[], steps: string[]) => ({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["bash"], Env: ["LANG=C"] },
    rootfs: { type: "layers", diff_ids: diffs },
    history: steps.map((created_by) => ({ created_by })),
  });
  registry.image("system", [layer("base"), layer("apt")], config([sha("1"), sha("2")], ["base", "RUN apt"]));
  registry.image("one", [layer("one")], config([sha("3")], ["COPY /out / # buildkit"]));
  registry.image("many", [layer("a"), layer("b")], config([sha("5"), sha("6")], ["base", "RUN rm"]));
  const made = registry.image("made", [layer("many")], config([sha("7")], ["COPY / / # buildkit"]));
  const run = (parts: readonly string[], more: Record<string, string> = {}) =>
    runStep(t, "product-image", {
      STRATA_TARGET: named("product-test-00"),
      STRATA_PARTS: JSON.stringify(Object.fromEntries(parts.map((part) => [part, named(part)]))),
      STRATA_SETTINGS: JSON.stringify(settings),
      STRATA_COMPRESSION: '{"kind":"gzip","level":9}',
      STRATA_BUILDER: "strata",
      ...more,
    });
  return { registry, named, made, run };
}

test("a product is a manifest of its stages' layers, in their order: three requests write, and no builder is asked", async (t) => {
  const { registry, named, run } = await withStages(t);
  const { exitCode, stdout, stderr } = await run(["system", "one"]);
  assert.equal(exitCode, 0, stderr);
  const image = await readImage(stdout);
  assert.equal(stdout, `${registry.host}/${REPOSITORY}@${image.digest}`);
  const [system, one] = await Promise.all([readImage(named("system")), readImage(named("one"))]);
  assert.deepEqual(image.layers, [...system.layers, ...one.layers]);
  assert.deepEqual(image.config.rootfs?.diff_ids, [sha("1"), sha("2"), sha("3")]);
  assert.deepEqual(image.config.config?.Env, ["LANG=C", "PATH=/opt/bin"]);
  assert.deepEqual(image.config.config?.Labels, { "strata.recipe": "test" });
  assert.deepEqual(image.config.config?.Cmd, undefined);
  const steps = (image.config.history ?? []).filter(({ empty_layer }) => !empty_layer);
  assert.deepEqual(
    steps.map(({ created_by }) => created_by),
    ["base", "RUN apt", "strata: one"],
  );
  const written = registry.requests.filter((request) => /^(PUT|PATCH)/.test(request));
  assert.equal(written.length, 3, "a configuration, a manifest, and the same under a tag");
  assert.equal((await readImage(named("product-test-00"))).digest, image.digest);
  // The same stages and settings are the same digest.
  assert.equal((await run(["system", "one"])).stdout, stdout);
  const other = await run(["system", "one"], {
    STRATA_SETTINGS: JSON.stringify({ ...settings, user: "root" }),
  });
  assert.notEqual(other.stdout, stdout);
});

test("a stage whose layers may hide files of others becomes one layer, packed as the stack's are", async (t) => {
  const { named, made, run } = await withStages(t);
  const { bin, calls } = fakeDocker(t, made.digest, "");
  const { exitCode, stdout, stderr } = await run(["system", "many", "one"], { PATH: `${bin}:/usr/bin:/bin` });
  assert.equal(exitCode, 0, stderr);
  const { config } = await readImage(stdout);
  assert.deepEqual(config.rootfs?.diff_ids, [sha("1"), sha("2"), sha("7"), sha("3")]);
  const [build = "", ...others] = calls();
  assert.deepEqual(others, []);
  assert.ok(build.includes(` --build-context stage=docker-image://${named("many")} `), build);
  assert.match(build, /,push-by-digest=true,.*,compression=gzip,compression-level=9,force-compression=true /);
  assert.match(stderr, /many: 2 layers, which may hide files of other stages/);
});

test("a stage that is gone fails the product by name, and nothing is written", async (t) => {
  const { registry, run } = await withStages(t);
  const { exitCode, stderr } = await run(["system", "absent"]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /:absent: .* 404 /);
  assert.ok(!registry.requests.some((request) => /^(PUT|POST)/.test(request)));
});
