import assert from "node:assert/strict";
import { test } from "node:test";
import { joinImages, type SessionLayers } from "../../../oci/shell-layers.ts";

const layer = (digest: string) => ({ mediaType: "tar", digest, size: 1 });
const system: SessionLayers = {
  reference: "r/s:system",
  layers: [layer("base"), layer("apt")],
  diffIds: ["b", "a"],
  environment: ["PATH=/usr/bin", "OPTIONS=x=1"],
};
const torch: SessionLayers = {
  reference: "r/s:torch",
  layers: [layer("torch")],
  diffIds: ["t"],
  environment: ["PATH=/wrong"],
};

test("layers lie in the order of the images, each to be had where its image is", () => {
  const { layers, config } = joinImages([system, torch], {});
  assert.deepEqual(
    layers.map(({ reference, layer: { digest } }) => `${reference} ${digest}`),
    ["r/s:system base", "r/s:system apt", "r/s:torch torch"],
  );
  const { rootfs } = config as { rootfs: object };
  assert.deepEqual(rootfs, { type: "layers", diff_ids: ["b", "a", "t"] });
});

test("variables are the lowest image's and the product's", () => {
  const { environment, config } = joinImages([system, torch], { PATH: "/opt/venv/bin:/usr/bin" });
  assert.deepEqual(environment, { PATH: "/opt/venv/bin:/usr/bin", OPTIONS: "x=1" });
  assert.deepEqual((config as { config: object }).config, {
    Env: ["PATH=/opt/venv/bin:/usr/bin", "OPTIONS=x=1"],
  });
});
