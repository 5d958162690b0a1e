import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { repository } from "../../../../home.ts";
import { ModelsReport } from "../../../../lib/comfyui/workflow/report.ts";
import { parseModelLock } from "../../../../lib/locks/model-lock.ts";
import { attempt } from "../../../../tools/program/exec.ts";
import { apiNode, editorFile, editorNode, sink, toBytes, workflowLink } from "../../../support/workflows.ts";
import { temporaryFolder } from "../../support/folder.ts";

const run = (...args: string[]) =>
  attempt(process.execPath, ["tools/commands/models.ts", ...args], { cwd: repository });

function file(context: TestContext, bytes: Buffer, name = "flow.json"): string {
  const path = join(temporaryFolder(context), name);
  writeFileSync(path, bytes);
  return path;
}

test("a workflow whose files are locked ends with 0, as a table and as JSON by its schema", async (context) => {
  const path = file(
    context,
    toBytes({
      "1": apiNode("VAELoader", { vae_name: "wan_2.1_vae.safetensors" }),
      "2": apiNode("VAEDecode", { vae: ["1", 0] }),
    }),
  );
  const shown = await run(path);
  assert.ok(shown.ok, shown.all);
  assert.match(shown.stdout, /models\/vae\/wan_2\.1_vae\.safetensors +│ 254 MB +│ locked/);
  const json = await run(path, "--json");
  const report = ModelsReport.parse(JSON.parse(json.stdout));
  assert.deepEqual([report.verdict, report.bytes.needed], ["complete", 253815318]);
});

test("what the lock lacks is put into it with the workflow's address, and nothing that nobody asked", async (context) => {
  const models = [
    {
      name: "new.safetensors",
      directory: "vae",
      url: "https://huggingface.co/o/n/blob/main/new.safetensors",
    },
  ];
  const node = editorNode(1, "VAELoader", { vae_name: "new.safetensors" }, { properties: { models } });
  const path = file(context, editorFile([node, sink(2)], [workflowLink(1, 1, 2)]));
  const catalogue = file(context, Buffer.from('{"models": [], "incomplete": []}'), "models.json");
  const before = await run(path, "--catalogue", catalogue);
  assert.ok(!before.ok);
  assert.match(
    before.stdout,
    /addresses that the workflows give[^\n]*:\n {2}https:\/\/huggingface\.co\/o\/n\/blob/,
  );
  const added = await run(path, "--catalogue", catalogue, "--add");
  assert.match(added.stdout, /models\/vae\/new\.safetensors +│ unknown +│ no hash/);
  assert.deepEqual(parseModelLock(readFileSync(catalogue, "utf8")).incomplete, [
    {
      name: "new.safetensors",
      folder: "models/vae",
      licence: null,
      source: "the address is from a workflow; nobody has asked it yet",
      url: "https://huggingface.co/o/n/resolve/main/new.safetensors",
      size: null,
      sha256: null,
      gated: null,
    },
  ]);
  assert.match((await run(path, "--catalogue", catalogue, "--add")).stderr, /added 0 models/);
});

test("an address that is not fit for the lock is refused", async (context) => {
  const models = [{ name: "x.safetensors", directory: "vae", url: "file:///etc/passwd" }];
  const node = editorNode(1, "VAELoader", { vae_name: "x.safetensors" }, { properties: { models } });
  const path = file(context, editorFile([node, sink(2)], [workflowLink(1, 1, 2)]));
  const catalogue = file(context, Buffer.from('{"models": [], "incomplete": []}'), "models.json");
  const { all } = await run(path, "--catalogue", catalogue, "--add");
  assert.match(all, /models of the workflow: incomplete\.0\.url: expected an https address/);
  assert.equal(readFileSync(catalogue, "utf8"), '{"models": [], "incomplete": []}');
});

test("mistakes are told without a stack trace", async (context) => {
  for (const [args, problem] of [
    [[], /strata: models: expected a workflow\.\s+Usage: npm run models/],
    [["--wrong"], /strata: models: Unknown option '--wrong'/],
    [["none.json"], /strata: none\.json: cannot be read: ENOENT/],
    [[file(context, toBytes([]))], /is not a ComfyUI workflow/],
    [
      [file(context, toBytes({ "1": apiNode("KSampler") })), "--write", "../x"],
      /--write: expected the name of a recipe/,
    ],
  ] as const) {
    const { ok, all } = await run(...args);
    assert.ok(!ok);
    assert.match(all, problem);
    assert.doesNotMatch(all, /^ +at /m);
  }
});

test("one file that is no workflow does not stop the others, and the exit status tells", async (context) => {
  const good = file(context, toBytes({ "1": apiNode("VAELoader", { vae_name: "wan_2.1_vae.safetensors" }) }));
  const bad = file(context, Buffer.from("{"), "bad.json");
  const args = ["tools/commands/models.ts", bad, good, "none.json"];
  const shown = spawnSync(process.execPath, args, { cwd: repository, encoding: "utf8" });
  assert.equal(shown.status, 2);
  assert.match(
    shown.stdout,
    /Not read:\n {2}\S*bad\.json: is neither JSON nor a file[^\n]*\n {2}none\.json: cannot be read: ENOENT/,
  );
  assert.match(shown.stdout, /wan_2\.1_vae\.safetensors +│ 254 MB +│ locked/);
  assert.match(shown.stdout, /✖ something is missing/);
  const json = ModelsReport.parse(JSON.parse((await run(good, bad, "--json")).stdout));
  assert.deepEqual([json.verdict, json.unreadable.length, json.files.length], ["incomplete", 1, 1]);
  // A list that was made without one of them would look like a whole one.
  const written = await run(good, bad, "--write", "wan22");
  assert.match(written.all, /strata: \S*bad\.json: is neither JSON/);
  assert.equal(written.stdout, "");
});
