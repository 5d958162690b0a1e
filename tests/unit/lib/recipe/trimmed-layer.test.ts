import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { generation } from "../../../../lib/gpu/generations.ts";
import type { Layer } from "../../../../lib/recipe/layer.ts";
import { trimmedLayer } from "../../../../lib/recipe/trimmed-layer.ts";
import { wheelLayer } from "../../../../lib/recipe/wheel-layer.ts";
import { context } from "../../../support/layers.ts";

const wheels: Layer = { ...wheelLayer, name: "torch", summary: "wheels" };
const distribution = (name: string) => ({
  name,
  version: "1",
  hashes: [],
  requiredBy: [],
  fromSource: false,
});
const [torch, numpy] = [distribution("torch"), distribution("numpy")];
const ada = { ...context, generation: generation("ada"), trim: true } as const;

test("a layer stays the same where the stack does not trim, or the layer has nothing to lose", () => {
  assert.equal(trimmedLayer(wheels, [torch], { generation: generation("ada") }), wheels);
  assert.equal(trimmedLayer(wheels, [numpy], ada), wheels);
});

test("the stage gets the order, what carries it out, and the script that does it", () => {
  const given: Layer = { ...wheels, generated: () => ({ "own.txt": "own" }) };
  const layer = trimmedLayer(given, [numpy, torch], ada);
  const files = layer.generated?.(ada) ?? {};
  assert.equal(files["own.txt"], "own");
  const order = JSON.parse(files["trim.json"] ?? "");
  assert.deepEqual(order.capabilities, ["8.9"]);
  assert.deepEqual(Object.keys(order.packages), ["torch"]);
  assert.deepEqual(Object.keys(order.packages.torch), ["licence", "stated", "libraries"]);
  const text = layer.dockerfile?.(["toolbox"], ada) ?? "";
  assert.match(text, /^ {4}sh -eu \/context\/install-trimmed\.sh$/m);
  assert.doesNotMatch(text, /install-wheels/);
  for (const file of wheelLayer.shared) assert.ok(layer.shared?.includes(file), file);
  for (const file of layer.shared ?? []) assert.ok(existsSync(join(repository, "layers", file)), file);
});

test("without a card all GPU code goes", () => {
  const cpu = { ...context, trim: true } as const;
  const order = trimmedLayer(wheels, [torch], cpu).generated?.(cpu)["trim.json"] ?? "";
  assert.deepEqual(JSON.parse(order).capabilities, []);
});

test("a layer that installs such a package in a way of its own is told of", () => {
  const own: Layer = { ...wheels, dockerfile: () => "FROM toolbox\nRUN pip install torch\n" };
  assert.throws(
    () => trimmedLayer(own, [torch], ada).dockerfile?.([], ada),
    (error: unknown) =>
      error instanceof UserError && error.message.includes('the layer "torch" installs torch'),
  );
});
