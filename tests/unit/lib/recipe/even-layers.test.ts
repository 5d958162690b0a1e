import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { cuda } from "../../../../layers/cuda/layer.ts";
import { generation } from "../../../../lib/gpu/generations.ts";
import type { Distribution } from "../../../../lib/locks/python-lock.ts";
import { evenLayer, layerShares } from "../../../../lib/recipe/even-layers.ts";
import type { Layer } from "../../../../lib/recipe/layer.ts";
import { trimmedLayer } from "../../../../lib/recipe/trimmed-layer.ts";
import { wheelLayer } from "../../../../lib/recipe/wheel-layer.ts";
import { context } from "../../../support/layers.ts";
import { planSampleStack } from "../../../support/stacks.ts";

function distribution(name: string, megabytes?: number): Distribution {
  const sized = megabytes === undefined ? {} : { megabytes };
  return { name, version: "1", hashes: [], requiredBy: [], fromSource: false, ...sized };
}

const wheels: Layer = { ...wheelLayer, name: "wheels", summary: "wheels" };
const large = [distribution("cublas", 423), distribution("cudnn", 366), distribution("nvrtc", 90)];
const small = Array.from({ length: 60 }, (_, index) => distribution(`package-${index}`, 10));

test("a large wheel has a layer of its own, and all that is not named is in the last one", () => {
  assert.deepEqual(layerShares(large), [["cublas"], ["cudnn"]]);
});

test("small wheels share layers of a similar size", () => {
  const shares = layerShares(small) ?? [];
  const named = shares.map((names) => names.length);
  const counts = [...named, small.length - named.reduce((sum, count) => sum + count, 0)];
  assert.equal(counts.length, 3);
  for (const count of counts) assert.ok(count >= 12 && count <= 28, String(counts));
});

test("one layer stays one: a stage that is small, and one large wheel with little beside it", () => {
  for (const installed of [
    [],
    small.slice(0, 25),
    [distribution("torch", 532), distribution("torchvision", 8)],
    [distribution("triton", 200)],
    [distribution("unknown")],
  ]) {
    assert.equal(layerShares(installed), undefined);
    assert.equal(evenLayer(wheels, installed, context), wheels);
  }
});

test("a wheel that moves leaves the layers of all others as they were", () => {
  const before = layerShares([...large, ...small]) ?? [];
  const bigger = large.map((each) => (each.name === "cublas" ? distribution("cublas", 460) : each));
  assert.deepEqual(layerShares([...bigger, ...small]), before);
  const more = layerShares([...large, ...small, distribution("another", 9)]) ?? [];
  assert.deepEqual(
    more.map((names) => names.filter((name) => name !== "another")),
    before,
  );
  const grown = [...large, ...small].map((each) =>
    each.name === "package-0" ? distribution("package-0", 19) : each,
  );
  assert.deepEqual(layerShares(grown), before);
});

test("the stage's step shares out what it installed, and each folder becomes a layer", () => {
  const layer = evenLayer({ ...cuda, generated: () => ({ "own.txt": "own" }) }, large, context);
  const files = layer.generated?.(context) ?? {};
  assert.equal(files["own.txt"], "own");
  assert.deepEqual(JSON.parse(files["layers.json"] ?? ""), [["cublas"], ["cudnn"]]);
  const text = layer.dockerfile?.(["toolbox"], context) ?? "";
  assert.match(
    text,
    /^ {4}sh -eu \/context\/install-libraries\.sh && python3 -B \/context\/share_out\.py \/context\/layers\.json$/m,
  );
  assert.ok(
    text.endsWith(
      "\nFROM scratch\nCOPY --link --from=build /layers/1 /\nCOPY --link --from=build /layers/2 /\nCOPY --link --from=build /out /\n",
    ),
  );
  for (const file of layer.shared ?? []) assert.ok(existsSync(join(repository, "layers", file)), file);
});

test("what is trimmed is shared out after it", () => {
  const ada = { ...context, generation: generation("ada"), trim: true } as const;
  const installed = [...large, distribution("torch", 532)];
  const text = evenLayer(trimmedLayer(wheels, installed, ada), installed, ada).dockerfile?.([], ada) ?? "";
  assert.match(text, /install-trimmed\.sh && python3 -B \/context\/share_out\.py/);
});

test("a layer that installs wheels by a Dockerfile of its own is built as that says", () => {
  for (const text of [
    "FROM toolbox\nRUN pip install cublas\n",
    "FROM toolbox\nRUN sh -eu /context/install-wheels.sh\n",
  ]) {
    const own: Layer = { ...wheels, dockerfile: () => text };
    assert.equal(evenLayer(own, large, context), own);
  }
});

test("of the starter image `cuda` comes as several layers, by the sizes in its lock", () => {
  const { stages } = planSampleStack({ recipe: "starter" });
  const split = stages.filter(({ files }) => files.some(({ path }) => path === "layers.json"));
  assert.deepEqual(
    split.map(({ name }) => name),
    ["cuda"],
  );
  const listed = split[0]?.files.find(({ path }) => path === "layers.json")?.content;
  const shares: string[][] = JSON.parse(String(listed));
  assert.ok(shares.length >= 4 && shares.flat().includes("nvidia-cudnn-cu13"), String(listed));
});
