/** Layers of models on the real BuildKit and registry: the real layers, models from a server of the test. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type LockedModel, modelPath } from "../../lib/locks/model-lock.ts";
import { readImage } from "../../oci/read/image.ts";
import { auditImage } from "../../tools/commands/audit/read-image.ts";
import { type ModelServer, startModelServer } from "../support/model-server.ts";
import { blobSizes } from "./support/blobs.ts";
import { layerFiles } from "./support/layer-files.ts";
import type { ModelChoices } from "./support/small-models.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

const MB = 1_000_000;
const TOKEN = "hf_planted-7d1c";

let server: ModelServer;
let stack: TestStack;
let ten: readonly LockedModel[];
let first: StackUpdate;

before(async () => {
  // Downloads in a build get it; it must be nowhere afterwards.
  process.env.HF_TOKEN = TOKEN;
  server = await startModelServer();
  ten = [
    ...Array.from({ length: 8 }, (_, index) => server.serve(`models/loras/${index}.safetensors`, MB)),
    server.serve("models/vae/vae.safetensors", 2 * MB),
    server.serve("custom_nodes/RIFE/ckpts/rife/rife.pth", MB),
  ];
  stack = await openTestStack("models");
  choose(ten);
  first = await stack.up();
});
after(async () => {
  await stack?.close();
  server?.close();
  delete process.env.HF_TOKEN;
});

function choose(models: readonly LockedModel[], strategy: ModelChoices["strategy"] = "baked"): void {
  stack.edit("models.json", JSON.stringify({ strategy, models } satisfies ModelChoices));
}

const layersOf = async (reference: string) => (await readImage(reference)).layers.map(({ digest }) => digest);
const modelStages = ({ stages }: StackUpdate) =>
  Object.keys(stages).filter((name) => /^model-(?!fetch|tools)/.test(name));
const stageOf = ({ stages }: StackUpdate, name: string) => {
  const found = Object.entries(stages).find(([key]) => key.startsWith(`model-${name}-`));
  assert.ok(found, `no stage of ${name}`);
  return `${stack.repository}@${found[1].digest}`;
};

const blobs = () => blobSizes(stack.home);

/** Bytes on the disk that the builder holds now. */
function builderBytes(): number {
  // Files come and go meanwhile, which du reports with its exit status.
  // Root file systems of running steps are mounted below it: those are counted where they really lie.
  const command = 'du --summarize --one-file-system --block-size=1 -- "$0" 2>/dev/null || true';
  const text = execFileSync("/bin/sh", ["-c", command, stack.home.buildkit]).toString();
  return Number(text.split("\t")[0]);
}

test("the product has the stages' own layers, one for each model", async () => {
  assert.equal(modelStages(first).length, 10);
  const product = await layersOf(first.reference);
  const models = await Promise.all(
    modelStages(first).map((name) => layersOf(`${stack.repository}@${first.stages[name]?.digest}`)),
  );
  for (const layers of models) assert.equal(layers.length, 1);
  assert.deepEqual(product.slice(-10).sort(), models.flat().sort());
  const { config } = await readImage(first.reference);
  assert.equal(config.rootfs?.diff_ids.length, product.length);
  // What the build put together says of the whole what it is.
  assert.deepEqual(
    JSON.parse(config.config?.Labels?.["strata.layers"] ?? "")
      .slice(-10)
      .sort(),
    modelStages(first).sort(),
  );
  assert.deepEqual(config.config?.Entrypoint, ["/entrypoint"]);
});

test("a layer holds its model and nothing else, and a node's file belongs to the node's user", async () => {
  const vae = await layerFiles(stageOf(first, "vae"));
  assert.deepEqual(
    [...vae.keys()],
    [
      "opt",
      "opt/comfyui",
      "opt/comfyui/models",
      "opt/comfyui/models/vae",
      "opt/comfyui/models/vae/vae.safetensors",
    ],
  );
  for (const [path, { mode, owner }] of vae) {
    assert.deepEqual([mode, owner], [path.endsWith(".safetensors") ? 0o644 : 0o755, "0:0"], path);
  }
  const rife = await layerFiles(stageOf(first, "rife"));
  const owners = Object.fromEntries([...rife].map(([path, { owner }]) => [path, owner]));
  assert.deepEqual(owners, {
    opt: "0:0",
    "opt/comfyui": "0:0",
    "opt/comfyui/custom_nodes": "0:0",
    "opt/comfyui/custom_nodes/RIFE": "1000:1000",
    "opt/comfyui/custom_nodes/RIFE/ckpts": "1000:1000",
    "opt/comfyui/custom_nodes/RIFE/ckpts/rife": "1000:1000",
    "opt/comfyui/custom_nodes/RIFE/ckpts/rife/rife.pth": "1000:1000",
  });
});

test("models are stored as they are: their layer is a plain tar", async () => {
  const [layer] = (await readImage(stageOf(first, "vae"))).layers;
  assert.match(layer?.mediaType ?? "", /\.tar$/);
  assert.ok(layer && layer.size > 2 * MB && layer.size < 2 * MB + 20_000, String(layer?.size));
});

test("no path is in two layers, and the size is within the budget", async () => {
  const report = await auditImage(first.reference, { cache: stack.auditCache });
  assert.deepEqual(
    report.findings.filter(({ severity }) => severity === "broken"),
    [],
  );
});

test("the builder keeps nothing of a model that is in the registry", async () => {
  const records = (await stack.builderRecords()).filter(({ description }) =>
    description.includes("/context/build.sh model-"),
  );
  // What is not whole yet stays for the next build.
  const [kept, ...others] = records.toSorted((a, b) => (a.description < b.description ? -1 : 1));
  assert.match(kept?.description ?? "", /^cached mount \/cache /);
  assert.ok(kept && kept.size < MB / 2, String(kept?.size));
  assert.deepEqual(others, []);
});

test("a token is in no layer, no configuration and no state", async () => {
  const { config } = await readImage(first.reference);
  const { stdout } = await stack.pulumi("stack", "export");
  assert.ok(!`${JSON.stringify(config)}${stdout}`.includes(TOKEN));
});

test("a second update changes nothing", async () => {
  const before = blobs();
  const second = await stack.up();
  assert.deepEqual(second.changed, {});
  assert.equal(second.reference, first.reference);
  assert.deepEqual(blobs(), before);
});

test("adding one small model to ten pushes its own bytes and nothing else", async () => {
  const before = blobs();
  const given = ten.map(server.given);
  const small = server.serve("models/loras/small.safetensors", 300_000);
  choose([...ten, small]);
  const update = await stack.up();
  assert.equal(modelStages(update).length, 11);
  assert.deepEqual(ten.map(server.given), given, "a model was fetched again");
  const fresh = [...blobs()].filter(([digest]) => !before.has(digest)).map(([, bytes]) => bytes);
  const large = fresh.filter((bytes) => bytes > 50_000);
  assert.equal(large.length, 1, `new blobs: ${fresh.join(", ")}`);
  assert.ok(fresh.reduce((sum, bytes) => sum + bytes, 0) < small.size + 100_000);
  const layers = await layersOf(update.reference);
  const former = await layersOf(first.reference);
  assert.deepEqual(
    former.filter((digest) => !layers.includes(digest)),
    [],
  );
  assert.equal(layers.length, former.length + 1);
  first = update;
});

test("other tools fetch nothing again", async () => {
  const given = ten.map(server.given);
  stack.edit(
    "model-tools/install.sh",
    "touch /etc/other-tools\napt-get -qq update\napt-get -qq install --no-install-recommends aria2 >/dev/null\n",
  );
  const update = await stack.up();
  assert.ok("small-model-tools" in update.changed, JSON.stringify(update.changed));
  assert.deepEqual(ten.map(server.given), given);
  assert.equal(update.reference, first.reference);
});

test("a fetch that is killed goes on in the next build where it stopped", async () => {
  const model = server.serve("models/unet/slow.gguf", 40 * MB);
  choose([...ten, model]);
  // aria2 writes down once in a second what it has: the last second is lost.
  server.limit(MB / 2);
  const killed = stack.upUntil(async () => server.given(model) > 20 * MB);
  assert.notEqual((await killed).exitCode, 0);
  const before = server.given(model);
  server.limit(undefined);
  const update = await stack.up();
  const [layer] = (await readImage(stageOf(update, "slow"))).layers;
  assert.ok(layer && layer.size > model.size);
  const again = server.given(model) - before;
  assert.ok(again < model.size - 10 * MB, `${again} bytes were fetched again after ${before}`);
});

test("while a large model is built the builder needs its room twice, and no more afterwards", async (t) => {
  const model = server.serve("models/unet/large.gguf", 200 * MB);
  choose([...ten, model]);
  const before = builderBytes();
  let most = before;
  let isDone = false;
  const watching = (async () => {
    while (!isDone) {
      most = Math.max(most, builderBytes());
      await sleep(20);
    }
  })();
  const update = await stack.up();
  isDone = true;
  await watching;
  assert.ok(stageOf(update, "large"));
  const peak = (most - before) / model.size;
  const left = (builderBytes() - before) / model.size;
  t.diagnostic(`${peak.toFixed(2)} times the model at most, ${left.toFixed(2)} times afterwards`);
  assert.ok(peak > 0.9 && peak < 2.2, `${peak} times the model`);
  assert.ok(left < 0.1, `${left} times the model is left`);
});

test("as an image of their own: the product is without them, and nothing is fetched or pushed again", async () => {
  const before = blobs();
  const given = ten.map(server.given);
  choose(ten, "image");
  const update = await stack.up();
  assert.deepEqual(ten.map(server.given), given);
  assert.ok(update.library);
  const layers = await layersOf(update.library);
  assert.equal(layers.length, 10);
  const product = await layersOf(update.reference);
  assert.deepEqual(
    product.filter((digest) => layers.includes(digest)),
    [],
  );
  const fresh = [...blobs()].filter(([digest]) => !before.has(digest)).map(([, bytes]) => bytes);
  assert.ok(
    fresh.every((bytes) => bytes < 50_000),
    fresh.join(", "),
  );
});

test("a model that the source no longer has fails the update, and is named", async () => {
  const gone = { ...server.serve("models/vae/gone.safetensors", MB), url: `${ten[0]?.url}-gone` };
  choose([...ten, gone]);
  await assert.rejects(
    stack.up(),
    new RegExp(`${modelPath(gone).replaceAll(".", "\\.")}: .*does not have it any more`),
  );
});
