import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
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
  // Emacs marks a file that is being changed by a link that leads nowhere.
  symlinkSync("ada@host.123", join(folder, "a/.#b"));
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

test("a link in a layer's folder is an error, as the image would lack it; all of them are named", (t) => {
  const folder = layersFolder(t, { Dockerfile: "FROM scratch", "files/a": "a" });
  symlinkSync("Dockerfile", join(folder, "link"));
  symlinkSync("..", join(folder, "files/up"));
  symlinkSync("nowhere", join(folder, "files/gone"));
  assert.throws(
    () => readFolder(folder, "layers/x"),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        ["layers/x/files/gone", "layers/x/files/up", "layers/x/link"],
      );
      assert.match(error.message, /is a symbolic link, and a build gets files alone\. Put a file there/);
      return true;
    },
  );
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
