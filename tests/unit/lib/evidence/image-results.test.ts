import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRunReport } from "../../../../lib/evidence/evidence.ts";
import { type DescribedImage, imageResults } from "../../../../lib/evidence/image-results.ts";

const labels = {
  "strata.compute-capabilities": "8.9",
  "strata.minimum-driver": "580.65.06",
  "strata.size-budget": "3.3 GB",
};

const image: DescribedImage = {
  config: { os: "linux", architecture: "amd64", config: { Labels: labels } },
  layers: [{ size: 2.7e9 }],
  bytes: 3.2e9,
};

/** Reason by step of what did not pass. */
function wrong(
  changes: Partial<DescribedImage>,
  registry = "r.example:5000",
): Record<string, string | undefined> {
  const results = imageResults({ ...image, ...changes }, registry);
  assert.deepEqual(
    results.map(({ id }) => id),
    ["00-image.platform", "00-image.layers", "00-image.engines", "00-image.size", "00-image.driver"],
  );
  return Object.fromEntries(
    results.filter(({ status }) => status !== "pass").map(({ id, reason }) => [id.split(".")[1], reason]),
  );
}

const withLabels = (more: Record<string, string | undefined>): Partial<DescribedImage> => {
  const all = Object.entries({ ...labels, ...more }).filter(([, value]) => value !== undefined);
  return {
    config: { ...image.config, config: { Labels: Object.fromEntries(all) as Record<string, string> } },
  };
};

test("an image as it should be", () => {
  assert.deepEqual(wrong({}), {});
});

test("the results are results of a run", () => {
  const report = { schema: 3, verdict: "pass", startedAt: "2026-11-21T10:27:49Z", seconds: 0, due: [] };
  const rest = { versions: {}, gpu: null, measurements: {} };
  const text = JSON.stringify({ ...report, ...rest, checks: imageResults(image, "r.example") });
  assert.equal(parseRunReport(text, "run.json").checks.length, 5);
});

test("another processor", () => {
  assert.deepEqual(wrong({ config: { ...image.config, architecture: "arm64" } }), {
    platform: "it is for linux/arm64, not for linux/amd64",
  });
});

test("a layer that the image's registry does not take, and more layers than an engine chains", () => {
  const large = (size: number) => ({ layers: [{ size: 1 }, { size }] });
  assert.deepEqual(wrong(large(10_000_000_000), "ghcr.io"), {});
  assert.deepEqual(wrong(large(10_000_000_001), "ghcr.io"), {
    layers: "layer 2: 10000000001 bytes compressed, GHCR takes 10000000000",
  });
  const ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
  assert.deepEqual(wrong(large(54_525_952_000), ecr), {});
  assert.deepEqual(wrong(large(54_525_952_001), ecr), {
    layers: "layer 2: 54525952001 bytes compressed, ECR takes 54525952000",
  });
  for (const registry of ["127.0.0.1:5000", "docker.io", "registry.example"])
    assert.deepEqual(wrong(large(60e9), registry), {}, registry);
  const layers = Array.from({ length: 126 }, () => ({ size: 1 }));
  assert.deepEqual(wrong({ layers }), { layers: "126 layers, 125 are allowed" });
});

test("which engines read its layers is said, and a stack that wants gzip gets nothing else", () => {
  const zstd = { size: 1, mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" };
  const gzip = { size: 1, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
  const plain = { size: 1, mediaType: "application/vnd.oci.image.layer.v1.tar" };
  const title = (layers: DescribedImage["layers"]) =>
    imageResults({ ...image, layers }, "r.example").find(({ id }) => id === "00-image.engines")?.title;
  assert.equal(title([gzip, plain]), "every engine reads its layers");
  assert.equal(
    title([gzip, zstd]),
    "Docker 23.0, containerd 1.5 or Podman 4.3, or newer, reads its layers (zstd)",
  );
  assert.deepEqual(wrong({ layers: [gzip, zstd] }), {});
  assert.deepEqual(wrong({ ...withLabels({ "strata.compression": "gzip" }), layers: [gzip, zstd, zstd] }), {
    engines: "layers 2, 3 are packed with zstd, gzip was asked for",
  });
  assert.deepEqual(wrong({ ...withLabels({ "strata.compression": "gzip" }), layers: [gzip, plain] }), {});
  assert.deepEqual(wrong({ ...withLabels({ "strata.compression": "zstd" }), layers: [zstd] }), {});
});

test("more bytes than the recipe's budget, or none to compare with", () => {
  assert.deepEqual(wrong({ bytes: 3.3e9 }), {});
  assert.deepEqual(wrong({ bytes: 3.4e9 }), { size: "3400000000 bytes compressed, 3.3 GB are allowed" });
  assert.deepEqual(wrong(withLabels({ "strata.size-budget": undefined })), {
    size: "it has no label strata.size-budget",
  });
});

test("without a floor for the driver no host can be chosen", () => {
  assert.match(
    wrong(withLabels({ "strata.minimum-driver": undefined })).driver ?? "",
    /strata\.minimum-driver/,
  );
  assert.match(wrong(withLabels({ "strata.minimum-driver": "new" })).driver ?? "", /got "new"$/);
  assert.match(
    wrong({ config: { os: "linux", architecture: "amd64" } }).driver ?? "",
    /compute-capabilities/,
  );
  // Without a GPU none is needed.
  const cpu = { "strata.compute-capabilities": "", "strata.minimum-driver": undefined };
  assert.deepEqual(wrong(withLabels(cpu)), {});
});

test("what failed says so, and what passed gives no reason", () => {
  const arm = { ...image, config: { ...image.config, architecture: "arm64" } };
  const [platform, ...rest] = imageResults(arm, "r.example");
  assert.equal(platform?.status, "fail");
  for (const result of rest) assert.ok(!("reason" in result), result.id);
  for (const driver of ["v580.65", "580.65 or newer", "580"]) {
    assert.match(wrong(withLabels({ "strata.minimum-driver": driver })).driver ?? "", /expected a version/);
  }
  assert.match(wrong(withLabels({ "strata.minimum-driver": undefined })).driver ?? "", /got ""$/);
});
