/**
 * A test on the builder's GPU: a real BuildKit with a CDI file, `RUN --device`, and the real checks, to which /dev/null is the
 * card and a library in C the driver.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deviceProblem, withDevice } from "../../lib/hosts/builder-gpu.ts";
import { buildInBuilder } from "../../tools/builder/builder.ts";
import { builderGpu } from "../../tools/builder/find-gpu.ts";
import { BuilderHost } from "../../tools/hosts/builder-host.ts";
import { executables } from "../../tools/toolchain/find.ts";
import { type FakeRegistry, startFakeRegistry } from "../unit/oci/support/fake-registry.ts";
import { type GpuBuilder, pythonOfGpu, startGpuBuilder } from "./support/gpu-builder.ts";
import { pushTinyImage } from "./support/tiny-image.ts";

const missing = ["gcc", "runc"].filter((name) => executables(name, process.env.PATH ?? "").length === 0);
const skip =
  process.getuid?.() !== 0
    ? "a builder as a process needs root"
    : missing.length > 0 && `there is no ${missing.join(", no ")}`;

const device = "nvidia.com/gpu=all";
let registry: FakeRegistry;
let builder: GpuBuilder;
let reference: string;

before(async () => {
  if (skip) return;
  registry = await startFakeRegistry();
  const described = JSON.stringify({ computeCapabilities: ["8.9"], minimumDriver: "580.65.06" });
  const files = { "opt/strata/image.json": described };
  reference = await pushTinyImage(registry, "gpu", { checks: pythonOfGpu, files });
  builder = await startGpuBuilder(registry.host);
});
after(async () => {
  if (skip) return;
  await builder.stop();
  await registry[Symbol.asyncDispose]();
});

function order() {
  return {
    reference,
    computeCapabilities: ["8.9"],
    minimumDriver: "580.65.06",
    hasZstd: false,
    deadline: Date.now() + 120_000,
    signal: new AbortController().signal,
  };
}

const onGpu = () => new BuilderHost(builder.home, "strata", { gpu: true }).test(order());

test("a builder without a GPU says so, and nothing is pulled for it", { skip }, async () => {
  assert.equal((await builderGpu(builder.home, "strata")).problem, "it offers no GPU");
  await assert.rejects(onGpu(), /^HostTrouble: the builder strata: it offers no GPU$/);
  assert.deepEqual(
    registry.requests.filter((request) => /manifests/.test(request)),
    [],
  );
});

test("the checks see the builder's card by its driver, each time anew", { skip }, async () => {
  builder.giveGpu("/dev/null");
  assert.deepEqual(await builderGpu(builder.home, "strata"), { device });
  const { report, host } = await onGpu();
  assert.deepEqual(host, { kind: "builder", device });
  assert.deepEqual(report.gpu, {
    name: "Fake GPU 0",
    computeCapability: "8.9",
    driver: "595.64",
    memoryBytes: 24 * 2 ** 30,
  });
  const ofDriver = report.checks.filter(({ id }) => id.startsWith("25-driver"));
  assert.ok(
    ofDriver.length > 3 && ofDriver.every(({ status }) => status === "pass"),
    JSON.stringify(ofDriver),
  );
  assert.ok(
    !report.checks.some(({ reason = "" }) => /no GPU/.test(reason)),
    "a check was skipped for want of a GPU",
  );
  const again = await onGpu();
  assert.ok(again.report.startedAt > report.startedAt, "BuildKit answered from its cache");
});

test("without the leave for this device no step gets it, and that is no word about the image", {
  skip,
}, async () => {
  builder.giveGpu("/dev/null");
  const dockerfile = withDevice("FROM product\nRUN --network=none true\n", device);
  const request = {
    folder: import.meta.dirname,
    dockerfile,
    images: { product: reference },
    output: "type=local,dest=/nowhere",
  };
  const { ok, all } = await buildInBuilder(builder.home, "strata", request);
  assert.equal(ok, false);
  assert.match(
    deviceProblem(all) ?? all,
    /^the builder does not let a build have its GPU: .*nvidia\.com\/gpu=all is requested/,
  );
});

test("a card that is in the CDI file and not there is trouble of the builder", { skip }, async () => {
  builder.giveGpu("/dev/strata-has-no-such-card");
  await assert.rejects(
    onGpu(),
    /^HostTrouble: the builder cannot give a step its GPU: .*strata-has-no-such-card/,
  );
});
