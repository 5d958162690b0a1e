import assert from "node:assert/strict";
import { test } from "node:test";
import {
  imageOf,
  layersOf,
  type SessionLayers,
  sessionImage,
  standsAlone,
  topLayer,
  withLayers,
  withSettings,
} from "../../../oci/join-layers.ts";

const layer = (name: string) => ({
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: name,
  size: 1,
});
const part = (name: string) => ({ name, image: { layers: [layer(name)], diffIds: [`diff of ${name}`] } });

test("of a bulk stage only the layer counts that it made itself", () => {
  const built = { layers: [layer("base"), layer("tools"), layer("model")], diffIds: ["a", "b", "c"] };
  assert.deepEqual(topLayer(built), { layers: [layer("model")], diffIds: ["c"] });
});

test("the layers of an image come with what its configuration says of them, if it does", () => {
  const layers = [layer("a")];
  const rootfs = { type: "layers", diff_ids: ["1"] };
  assert.deepEqual(layersOf({ layers, config: { rootfs } }), { layers, diffIds: ["1"] });
  assert.deepEqual(layersOf({ layers, config: {} }), { layers, diffIds: [] });
});

test("a configuration that says nothing of layers says it of those that come on top", () => {
  assert.deepEqual(withLayers({ layers: [], config: {} }, [part("one")]).config, {
    rootfs: { type: "layers", diff_ids: ["diff of one"] },
    history: [{ created_by: "strata: one" }],
  });
});

test("what an exporter notes beside a layer is left behind", () => {
  const noted = { ...layer("a"), annotations: { "containerd.io/uncompressed": "x" } };
  assert.deepEqual(layersOf({ layers: [noted], config: {} }).layers, [layer("a")]);
});

/** Layers with the instructions that made them. */
const madeBy = (...steps: string[]) => ({
  layers: steps.map((_, index) => layer(String(index))),
  config: {
    history: [{ created_by: "ENV A=1", empty_layer: true }, ...steps.map((created_by) => ({ created_by }))],
  },
});

test("several layers may lie on top of others where each only added; one always may", () => {
  const copy = "COPY /out /opt # buildkit";
  assert.ok(standsAlone(madeBy("RUN /bin/sh -c rm -r /opt # buildkit")));
  assert.ok(standsAlone(madeBy(copy, "ADD https://h/a / # buildkit", copy)));
  assert.ok(standsAlone({ layers: [], config: {} }));
  for (const other of [
    "RUN /bin/sh -c true # buildkit",
    "WORKDIR /x",
    "COPY /out /",
    "RUN echo COPY # buildkit",
  ])
    assert.ok(!standsAlone(madeBy(copy, other)), other);
  // A base image whose history tells less than it has.
  assert.ok(!standsAlone({ ...madeBy(copy), layers: [layer("a"), layer("b")] }));
  assert.ok(!standsAlone({ layers: [layer("a"), layer("b")], config: {} }));
});

const settings = {
  created: "2026-01-01T00:00:00.000Z",
  labels: { title: 'a "b" $c' },
  environment: { PATH: "/opt/bin", NEW: "x=y" },
  ports: [8080],
  healthcheck: { command: ["/health"], intervalSeconds: 30, timeoutSeconds: 5, startPeriodSeconds: 60 },
  user: "strata",
  entrypoint: ["/entry", "point"],
};

test("settings are what a Dockerfile's instructions would make of them", () => {
  const before = {
    architecture: "amd64",
    created: "1980-01-01T00:00:00Z",
    config: {
      Env: ["PATH=/bin", "PATHS=/kept", "constructor=1"],
      Cmd: ["bash"],
      Labels: { base: "yes", title: "of the base" },
      WorkingDir: "/home",
      ExposedPorts: { "22/tcp": {} },
    },
    history: [{ created_by: "base" }],
  };
  const { history, ...config } = withSettings(before, settings);
  assert.deepEqual(config, {
    architecture: "amd64",
    created: settings.created,
    config: {
      // In its place, as moby's addEnv does it; the command below is no argument of another entrypoint.
      Env: ["PATH=/opt/bin", "PATHS=/kept", "constructor=1", "NEW=x=y"],
      Labels: { base: "yes", title: 'a "b" $c' },
      WorkingDir: "/home",
      ExposedPorts: { "22/tcp": {}, "8080/tcp": {} },
      Healthcheck: { Test: ["CMD", "/health"], Interval: 30e9, Timeout: 5e9, StartPeriod: 60e9 },
      User: "strata",
      Entrypoint: ["/entry", "point"],
    },
  });
  assert.deepEqual(history?.[0], { created_by: "base" });
  assert.ok(
    history?.slice(1).every(({ empty_layer, created }) => empty_layer && created === settings.created),
  );
});

test("layers are added on top, and nothing else of the image changes", () => {
  const config = {
    architecture: "amd64",
    created: "2026-01-01T00:00:00Z",
    config: { Env: ["A=1"], Labels: { x: "y" } },
    rootfs: { type: "layers", diff_ids: ["0"] },
    history: [{ created_by: "FROM" }, { created_by: "ENV", empty_layer: true }],
  };
  const joined = withLayers({ layers: [layer("base")], config }, [part("one"), part("two")]);
  assert.deepEqual(joined.layers, [layer("base"), layer("one"), layer("two")]);
  assert.deepEqual(joined.config, {
    ...config,
    rootfs: { type: "layers", diff_ids: ["0", "diff of one", "diff of two"] },
    history: [...config.history, { created_by: "strata: one" }, { created_by: "strata: two" }],
  });
});

test("an image of nothing but models says for which machine it is, and has as many histories as layers", () => {
  const { layers, config } = imageOf([part("one")]);
  assert.deepEqual(layers, [layer("one")]);
  assert.deepEqual(config, {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: ["diff of one"] },
    history: [{ created_by: "strata: one" }],
  });
});

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
  const { layers, config } = sessionImage([system, torch], {});
  assert.deepEqual(
    layers.map(({ reference, layer: { digest } }) => `${reference} ${digest}`),
    ["r/s:system base", "r/s:system apt", "r/s:torch torch"],
  );
  const { rootfs } = config as { rootfs: object };
  assert.deepEqual(rootfs, { type: "layers", diff_ids: ["b", "a", "t"] });
});

test("variables are the lowest image's and the product's", () => {
  const { environment, config } = sessionImage([system, torch], { PATH: "/opt/venv/bin:/usr/bin" });
  assert.deepEqual(environment, { PATH: "/opt/venv/bin:/usr/bin", OPTIONS: "x=1" });
  assert.deepEqual((config as { config: object }).config, {
    Env: ["PATH=/opt/venv/bin:/usr/bin", "OPTIONS=x=1"],
  });
});

test("a session in nothing has the product's variables alone", () => {
  const { layers, environment } = sessionImage([], { A: "1" });
  assert.deepEqual([layers, environment], [[], { A: "1" }]);
});
