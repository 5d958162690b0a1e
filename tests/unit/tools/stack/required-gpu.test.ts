import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { type Home, repository } from "../../../../home.ts";
import { stageTag } from "../../../../lib/registry/tags.ts";
import { requireGpu } from "../../../../tools/stack/required-gpu.ts";
import { plannedBy } from "../../../support/preview.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { homeWithGpu } from "../../support/gpu-buildctl.ts";

const gpu = { kind: "builder", gpu: true };

/** What an update of a stack with these hosts says before it builds. */
async function said(home: Home, registry: FakeRegistry, host: object): Promise<string> {
  const config = parseConfig({
    "strata:generation": "ada",
    "strata:host": JSON.stringify(host),
    "strata:registry": JSON.stringify({ kind: "oci", address: registry.host, repository: REPOSITORY }),
  });
  const { product } = plannedBy(repository, { generation: "ada" }).plan;
  return await requireGpu(home, config, product, {}).then(
    () => "",
    (error: unknown) => String(error),
  );
}

test("an update is refused before it builds where its tests want a GPU that the builder has not", async (t) => {
  await using registry = await startFakeRegistry();
  assert.match(
    await said(homeWithGpu(t, []), registry, gpu),
    /^UserError: strata:host: wants the GPU of the builder strata, and it offers no GPU\. Make NVIDIA's CDI file/,
  );
  assert.equal(await said(homeWithGpu(t, ["nvidia.com/gpu=all"]), registry, gpu), "");
  // Nobody wants one.
  assert.equal(await said(homeWithGpu(t, []), registry, { kind: "builder" }), "");
});

test("where another host is asked, or nothing is left to build, it is no more than a warning", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeWithGpu(t, []);
  assert.equal(await said(home, registry, [gpu, { kind: "docker" }]), "");
  const { product } = plannedBy(repository, { generation: "ada" }).plan;
  registry.image(stageTag(product), [], { architecture: "amd64", os: "linux" });
  assert.equal(await said(home, registry, gpu), "");
});
