import assert from "node:assert/strict";
import { test } from "node:test";
import { generationNames } from "../../../../lib/gpu/generations.ts";
import { trimmable, trimmablePackages, trimSaving, trimSetting } from "../../../../lib/gpu/trimming.ts";

test("packages with a licence that allows it may be changed, in libraries of their own alone", () => {
  for (const [name, { licence, libraries }] of Object.entries(trimmable)) {
    assert.match(licence, /^(BSD-[23]-Clause|MIT|Apache-2\.0)$/, name);
    assert.doesNotMatch(name, /^(nvidia|cuda)-/);
    for (const library of libraries) {
      // NVIDIA's own, linked in or brought along.
      assert.doesNotMatch(library, /nvshmem|\.libs|nvidia|^\*/, name);
      assert.match(library, /\.so$/, name);
    }
  }
});

test("what is compiled here, or holds no GPU code, is left alone", () => {
  const installed = [
    { name: "torch", fromSource: false },
    { name: "numpy", fromSource: false },
    { name: "xformers", fromSource: true },
    { name: "nvidia-cudnn-cu13" },
  ];
  assert.deepEqual(
    trimmablePackages(installed).map(([name]) => name),
    ["torch"],
  );
});

test("less stays for one generation than for all, and nothing for the CPU", () => {
  for (const [name, { saves }] of Object.entries(trimmable)) {
    for (const generation of generationNames) {
      assert.ok(
        saves.universal <= saves[generation] && saves[generation] <= saves.cpu,
        `${name} ${generation}`,
      );
    }
  }
  assert.equal(trimSaving(["torch", "numpy", "torchvision"], "ada"), 247_200_000);
});

test("the setting is a boolean, or the word that Pulumi makes of one", () => {
  assert.deepEqual(
    [true, false, "true", "false"].map((value) => trimSetting.parse(value)),
    [true, false, true, false],
  );
  for (const wrong of ["yes", "", 1, null]) assert.ok(!trimSetting.safeParse(wrong).success, String(wrong));
});
