import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { UserErrors } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { modelLockPath, modelPath, parseModelLock } from "../../../../lib/locks/model-lock.ts";
import { type ModelLayer, type Packable, packModels, SHARED_LAYERS } from "../../../../lib/models/packing.ts";
import { registryKinds, registryLimits, slowestUpload } from "../../../../lib/registry/limits.ts";

const MB = 1e6;
const model = (name: string, size: number, folder = "models/loras"): Packable => ({ folder, name, size });
const some = (count: number, size = MB) =>
  Array.from({ length: count }, (_, index) => model(`${index}.safetensors`, size));

/** What a push compares: the content of each layer, whatever the stage is called. */
const contents = (layers: readonly ModelLayer<Packable>[]) =>
  new Set(layers.map(({ models }) => models.map((each) => `${modelPath(each)}:${each.size}`).join("\n")));

const models = (most: number) =>
  fc.uniqueArray(
    fc.record({
      folder: fc.constantFrom("models/loras", "models/vae", "custom_nodes/n/ckpts"),
      name: fc.stringMatching(/^[a-z]{1,3}\.(gguf|pth)$/),
      size: fc.oneof(fc.integer({ min: 1, max: 99 * MB }), fc.integer({ min: 100 * MB, max: 9_000 * MB })),
    }),
    { maxLength: most, selector: modelPath },
  );

test("adding one small model to ten pushes its own bytes alone", () => {
  const ten = some(10);
  const before = contents(packModels(ten, { registry: "ghcr" }));
  const fresh = packModels([...ten, model("new.safetensors", 7)], { registry: "ghcr" }).filter(
    (layer) => !before.has([...contents([layer])][0] ?? ""),
  );
  assert.deepEqual(
    fresh.map(({ models: members }) => members.map(({ name }) => name)),
    [["new.safetensors"]],
  );
});

test("adding or removing any model moves nobody else's bytes, and leaves every name", () => {
  fc.assert(
    fc.property(models(12), (list) => {
      const [, ...rest] = list;
      const whole = packModels(list, { registry: "local" });
      const less = packModels(rest, { registry: "local" });
      const names = new Map(whole.map((layer) => [[...contents([layer])][0], layer.name]));
      for (const layer of less) assert.equal(names.get([...contents([layer])][0]), layer.name);
    }),
  );
});

test("however many there are, a large model is alone, none is lost, and the order decides nothing", () => {
  fc.assert(
    fc.property(models(40), fc.integer({ min: 4, max: 40 }), (list, mostLayers) => {
      const large = list.filter(({ size }) => size >= 100 * MB).length;
      fc.pre(large + SHARED_LAYERS <= mostLayers || list.length <= mostLayers);
      const options = { registry: "local", mostLayers } as const;
      const layers = packModels(list, options);
      assert.deepEqual(packModels(list.toReversed(), options), layers);
      assert.deepEqual(
        layers.flatMap((layer) => layer.models.map(modelPath)).sort(),
        list.map(modelPath).sort(),
      );
      assert.equal(new Set(layers.map(({ name }) => name)).size, layers.length);
      assert.ok(layers.length <= mostLayers);
      for (const layer of layers) {
        if (layer.models.some(({ size }) => size >= 100 * MB)) assert.equal(layer.models.length, 1);
        assert.ok(layer.bytes > layer.models.reduce((sum, { size }) => sum + size, 0));
      }
    }),
  );
});

test("where small ones have to share, adding one pushes its own layer and never a large model", () => {
  fc.assert(
    fc.property(fc.integer({ min: 81, max: 200 }), fc.stringMatching(/^new[a-z]{1,8}$/), (count, name) => {
      const list = [...some(count), model("large.gguf", 5_000 * MB)];
      const before = contents(packModels(list, { registry: "ghcr" }));
      const after = packModels([...list, model(name, MB)], { registry: "ghcr" });
      const pushed = after.filter((layer) => !before.has([...contents([layer])][0] ?? ""));
      assert.equal(pushed.length, 1);
      assert.ok(pushed[0]?.models.some((each) => each.name === name));
    }),
  );
});

test("a model of exactly the threshold is a large one", () => {
  const layers = packModels([...some(81), model("edge.gguf", 100 * MB)], { registry: "ghcr" });
  const [edge] = layers.filter((layer) => layer.models.some(({ name }) => name === "edge.gguf"));
  assert.match(edge?.name ?? "", /^model-edge-/);
  assert.equal(edge?.models.length, 1);
});

test("the seed's largest files are refused for GHCR by name, with limit and remedies, and fit elsewhere", () => {
  const lock = parseModelLock(readFileSync(join(repository, modelLockPath), "utf8"));
  assert.throws(
    () => packModels(lock.models, { registry: "ghcr" }),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        [
          "models/diffusion_models/Wan2.2-I2V-A14B-HighNoise-Q8_0.gguf",
          "models/diffusion_models/Wan2.2-I2V-A14B-LowNoise-Q8_0.gguf",
        ],
      );
      assert.match(
        error.message,
        /makes a layer of 15\.4 GB, and GHCR takes layers up to 10\.0 GB\. Take a smaller file .* another registry \(the local registry, ECR, Docker Hub, a registry of your own\), or fetch models into a volume/,
      );
      return true;
    },
  );
  for (const registry of ["local", "ecr", "docker-hub"] as const) {
    assert.equal(packModels(lock.models, { registry }).length, lock.models.length);
  }
});

test("what fits is decided by the layer, not by the file: headers count", () => {
  for (const kind of registryKinds) {
    const { layerBytes } = registryLimits[kind];
    if (layerBytes === null) continue;
    assert.throws(() => packModels([model("a", layerBytes)], { registry: kind }), /takes layers up to/, kind);
    assert.equal(packModels([model("a", layerBytes - 10 * MB)], { registry: kind }).length, 1, kind);
  }
});

test("more large models than an image has layers are an error", () => {
  assert.throws(
    () => packModels(some(81, 200 * MB), { registry: "ecr" }),
    /models: make 81 layers, and an image has room for 80\. Bake fewer/,
  );
});

test("names are of models, not of neighbours, and safe for a stage", () => {
  const [layer] = packModels([model("sub/Wan 2.2_Ä.I2V.safetensors", 1)], { registry: "local" });
  assert.match(layer?.name ?? "", /^model-wan-2-2-i2v-[0-9a-f]{8}$/);
  const twins = packModels([model("a.pth", 1, "models/vae"), model("a.pth", 1, "models/loras")], {
    registry: "local",
  });
  assert.equal(new Set(twins.map(({ name }) => name)).size, 2);
});

test("an upload has to be fast enough where the registry ends it", () => {
  const [layer] = packModels([model("a", 6_000 * MB)], { registry: "ghcr" });
  assert.ok(layer);
  assert.equal(Math.round((slowestUpload(layer, "ghcr") ?? 0) / MB), 10);
  assert.equal(slowestUpload(layer, "ecr"), null);
});

test("as many as there is room for have a layer each; of one more the small ones share numbered ones", () => {
  const names = (count: number) =>
    packModels(some(count), { registry: "local", mostLayers: 20 }).map(({ name }) => name);
  assert.equal(names(20).length, 20);
  assert.ok(names(20).every((name) => !name.startsWith("models-shared")));
  assert.ok(names(21).every((name) => /^models-shared-\d+$/.test(name)));
  assert.ok(names(21).length <= SHARED_LAYERS);
});

test("a shared layer that is too large names its models, and a name without letters is a hash alone", () => {
  const problem = (list: Packable[]) => {
    try {
      packModels(list, { registry: "ghcr", threshold: 9_000 * MB, mostLayers: 1 });
    } catch (error) {
      return String(error);
    }
    return "";
  };
  assert.match(problem(some(40, 8_000 * MB)), /models\/loras\/\d+\.safetensors, models\/loras\/\d+/);
  const [bare] = packModels([model("漢.pth", 1)], { registry: "local" });
  assert.match(bare?.name ?? "", /^model-[0-9a-f]{8}$/);
  const [long] = packModels([model(`${"a".repeat(39)}-b.pth`, 1)], { registry: "local" });
  assert.match(long?.name ?? "", /^model-a{39}-[0-9a-f]{8}$/);
});
