import assert from "node:assert/strict";
import { test } from "node:test";
import { strToU8, zipSync } from "fflate";
import { readPack } from "../../../../lib/import/pack.ts";

/** The files of examples/simple-pixel-art-generation.cpack.zip in bentoml/comfy-pack, in small. */
const files = {
  "snapshot.json": JSON.stringify({ python: "3.11", comfyui: "1".repeat(40), custom_nodes: [], models: [] }),
  "requirements.txt": "numpy==1.26.4\ntorch==2.5.1\ncomfy-cli\n-e git+https://github.com/a/b#egg=c\n",
  "workflow_api.json": '{"1": {"class_type": "VAEDecode", "inputs": {}}}',
  "workflow.json": '{"nodes": []}',
  "input/example.png": "picture",
  "../../evil.py": "evil",
};
const pack = (more: Record<string, string> = {}) =>
  zipSync(
    Object.fromEntries(Object.entries({ ...files, ...more }).map(([name, text]) => [name, strToU8(text)])),
  );

test("a pack gives its snapshot, its packages, and the workflow as it was sent", () => {
  const read = readPack(pack(), "a.cpack.zip");
  assert.equal(read.comfyui?.ref, "1".repeat(40));
  assert.deepEqual(read.installed, ["numpy==1.26.4"]);
  assert.deepEqual(
    read.workflows.map(({ name }) => name),
    ["workflow_api.json"],
  );
  assert.deepEqual(
    read.left.map(({ what }) => what),
    ["input/example.png"],
  );
});

test("an archive that is damaged, or from somebody else, says so", () => {
  assert.throws(() => readPack(pack().subarray(0, 100), "a.zip"), /UserError: a\.zip: is no archive/);
  assert.throws(() => readPack(zipSync({ "x.txt": strToU8("x") }), "a.zip"), /without snapshot\.json/);
  assert.throws(
    () => readPack(pack({ "snapshot.json": "[" }), "a.zip"),
    /a\.zip: snapshot\.json: cannot be read/,
  );
});
