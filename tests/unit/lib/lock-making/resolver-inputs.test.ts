import assert from "node:assert/strict";
import { test } from "node:test";
import { byOrigin, fileName, resolverInputs } from "../../../../lib/lock-making/resolver-inputs.ts";

test("every origin has a file of its own, whose name says who it is", () => {
  const { files } = resolverInputs([
    { line: "six", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "idna", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "six", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "torch==2.12.0", by: "layer torch" },
    { line: "requests", by: "recipe (ComfyUI imports it (really) and does not say so)" },
  ]);
  assert.deepEqual(Object.fromEntries(files), {
    "kijai-ComfyUI-KJNodes-requirements.in": ["six", "idna"],
    "layer-torch.in": ["torch==2.12.0"],
    "recipe.in": ["requests"],
  });
  assert.equal(fileName("../o/n requirements.txt"), "..-o-n-requirements.in");
});

test("an aliased distribution is asked for under its stand-in's name, and kept out otherwise", () => {
  const aliases = { OpenCV_Python: { of: "opencv-contrib-python-headless", reason: "same files" } };
  const { files, excluded } = resolverInputs(
    [
      { line: "opencv-python[extra]>=4.7 ; python_version > '3'", by: "a" },
      { line: "opencv.python", by: "a" },
      { line: "opencv-python-other", by: "a" },
    ],
    aliases,
  );
  assert.deepEqual(files.get("a.in"), [
    "opencv-contrib-python-headless>=4.7 ; python_version > '3'",
    "opencv-contrib-python-headless",
    "opencv-python-other",
  ]);
  assert.deepEqual(excluded, ["opencv-python"]);
});

test("an address never reaches the resolver", () => {
  assert.throws(
    () => resolverInputs([{ line: "x @ git+https://git.example.com/o/x", by: "o/n requirements.txt" }]),
    /o\/n requirements\.txt: asks for "x @ git\+https.*", which nothing pins/,
  );
});

test("what a layer only passes on is asked for by the node", () => {
  const node = { line: "numpy<2", by: "o/n requirements.txt" };
  const own = { line: "numpy", by: "layer pak3" };
  assert.deepEqual(byOrigin([{ line: "numpy<2", by: "layer node-packages" }, own, node]), [own, node]);
});

test("only a layer passes on, and only what another asks for in the same words", () => {
  const layer = { line: "six", by: "layer a" };
  const other = { line: "six", by: "a layer of mine" };
  assert.deepEqual(byOrigin([layer, other]), [other]);
  assert.deepEqual(byOrigin([layer, { ...layer, by: "layer b" }]), [layer, { ...layer, by: "layer b" }]);
  assert.deepEqual(
    [fileName("a.txt b (c) d"), fileName("a (b)"), fileName("x.in")],
    ["a.txt-b-c-d.in", "a.in", "x.in"],
  );
});
