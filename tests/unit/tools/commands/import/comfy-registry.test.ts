import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { askComfyRegistry } from "../../../../../tools/commands/import/comfy-registry.ts";
import { startComfyRegistry } from "../../../../support/comfy-registry.ts";
import { commitTo } from "../../../../support/git-server.ts";
import { checkout } from "../../../../support/nodes.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const repository = "https://github.com/o/n";
const at = Date.parse("2026-01-02T00:00:00Z") / 1000;

/** With a list of ComfyUI-Manager's, and a registry at an address. */
async function access(t: TestContext, address: string) {
  const folder = temporaryFolder(t);
  const location = join(folder, "Comfy-Org/ComfyUI-Manager.git");
  // The form of its custom-node-list.json: some entries have the registry's name.
  const entries = [
    { id: "named", reference: "https://github.com/o/called-otherwise" },
    { title: "no name", reference: "https://github.com/o/ComfyUI-Alike" },
    { reference: "https://github.com/a/twice" },
    { reference: "https://github.com/b/Twice" },
  ];
  mkdirSync(join(folder, "Comfy-Org"));
  const files = { "custom-node-list.json": JSON.stringify({ custom_nodes: entries }) };
  const commit = await commitTo(location, { files });
  const name = "Comfy-Org/ComfyUI-Manager";
  return {
    mirrors: { "https://api.comfy.org/": address, "https://example.org/": `file://${folder}/` },
    nodes: { repositories: { [name]: checkout(`${name}.git`, { commit }) }, packages: {} },
    folder: join(folder, "work"),
    list: {},
    pauseMs: 1,
  };
}

test("the registry says where a node is developed, and when a version was published", async (t) => {
  const registry = await startComfyRegistry({
    n: { repository: `${repository}.git`, versions: { "1.0.0": "2026-01-02T00:00:00Z" } },
    bare: { repository: "", versions: {} },
  });
  t.after(() => registry.stop());
  const asking = await access(t, registry.address);
  assert.deepEqual(await askComfyRegistry("n", "1.0.0", asking), { repository, at });
  assert.deepEqual(await askComfyRegistry("n", null, asking), { repository, at: undefined });
  await assert.rejects(askComfyRegistry("n", "2.0.0", asking), /has no version 2\.0\.0/);
  await assert.rejects(askComfyRegistry("none", null, asking), /is no node of Comfy's registry/);
  await assert.rejects(askComfyRegistry("bare", null, asking), /knows no repository/);
  assert.deepEqual(
    [...new Set(registry.asked)].filter((path) => path.includes("install")),
    [],
  );
});

test("where it cannot be reached, ComfyUI-Manager's list says the repository, if only one can be meant", async (t) => {
  const asking = await access(t, "http://127.0.0.1:1/");
  const found = async (name: string) => (await askComfyRegistry(name, "1.0", asking)).repository;
  assert.equal(await found("Named"), "https://github.com/o/called-otherwise");
  assert.equal(await found("comfyui-alike"), "https://github.com/o/ComfyUI-Alike");
  for (const name of ["twice", "nobody"]) {
    await assert.rejects(askComfyRegistry(name, null, asking), /list does not have it/);
  }
});
