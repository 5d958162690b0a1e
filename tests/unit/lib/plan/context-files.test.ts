import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  generatedFile,
  layerFolder,
  readContextFile,
  readFolder,
} from "../../../../lib/plan/context-files.ts";
import { layersFolder, sampleLayer, writeFile } from "../../../support/layers.ts";

test("a build sees the files of a folder, sorted, without what only tools leave there", (t) => {
  const ours = [
    "Dockerfile",
    "a/layer.ts",
    "a.pycx",
    "layer.tsx",
    "my__pycache__/x",
    "x~y",
    "z.DS_Store",
    "z.swx",
  ];
  const left = [
    "layer.ts",
    "__pycache__/a.py",
    "a/__pycache__/b",
    "a/b.pyc",
    ".DS_Store",
    "a/.DS_Store",
    "a~",
    "a/.b.swp",
    "a/.b.swo",
  ];
  const folder = layersFolder(t, Object.fromEntries([...left, ...ours].map((path) => [path, path])));
  symlinkSync("Dockerfile", join(folder, "link"));
  const files = readFolder(folder, "layers/x");
  assert.deepEqual(
    files.map(({ path }) => path),
    ours.toSorted(),
  );
  assert.deepEqual(
    files.map(({ source }) => source),
    ours.toSorted().map((path) => `layers/x/${path}`),
  );
  for (const { path, content } of files) assert.equal(String(content), path);
  assert.deepEqual(readFolder(join(folder, "gone"), "layers/gone"), []);
});

test("of a mode only its owner's right to execute counts", (t) => {
  const folder = layersFolder(t, {});
  const isExecutable = (mode: number) => {
    writeFile(folder, "x", "a", mode);
    return readContextFile(join(folder, "x"), "s", "p").executable;
  };
  assert.deepEqual([0o644, 0o655, 0o744, 0o700].map(isExecutable), [false, false, true, true]);
});

test("a file that is made is no program, and comes from where it is said to", () => {
  const content = Buffer.from("text");
  assert.deepEqual(generatedFile("p", "text"), { path: "p", source: "p", executable: false, content });
  assert.equal(generatedFile("p", "text", "s").source, "s");
});

test("a layer's folder is named without what only this machine has", () => {
  assert.deepEqual(layerFolder(sampleLayer("a"), "/layers"), { path: "/layers/a", shown: "layers/a" });
  assert.deepEqual(layerFolder(sampleLayer("a", [], { folder: "b", root: "/mine" }), "/layers"), {
    path: "/mine/b",
    shown: "b",
  });
});
