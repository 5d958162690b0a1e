import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Home, repository } from "../../../../home.ts";
import { askForGpus } from "../../../../tools/preview/ask-for-gpus.ts";
import { plannedBy } from "../../../support/preview.ts";
import { script, setVariables, temporaryFolder } from "../../support/folder.ts";
import { homeWithGpu, unaware } from "../../support/gpu-buildctl.ts";

const gpu = { generation: "ada", host: JSON.stringify({ kind: "builder", gpu: true }) };
const ghcr = { registry: JSON.stringify({ kind: "ghcr", owner: "acme", repository: "strata" }) };

async function told(home: Home, settings: Readonly<Record<string, string>>) {
  const plan = { planned: plannedBy(repository, settings), revision: null };
  const known = await askForGpus(home, "strata", new Map([["ada", plan]]));
  const result = known.get("ada");
  assert.ok(result && !(result instanceof Error));
  return result.planned.test?.builderGpu;
}

test("a preview says what the builder here has, or what speaks against it", async (t) => {
  assert.deepEqual(await told(homeWithGpu(t, ["nvidia.com/gpu=all"]), gpu), { device: "nvidia.com/gpu=all" });
  assert.equal((await told(homeWithGpu(t, []), gpu))?.problem, "it offers no GPU");
  const old = homeWithGpu(t, ["nvidia.com/gpu=all"], { answer: unaware });
  assert.match((await told(old, gpu))?.problem ?? "", /do not know `RUN --device`/);
});

test("a builder that was never started is not started for it", async (t) => {
  const home = homeWithGpu(t, ["nvidia.com/gpu=all"]);
  rmSync(home.services);
  assert.equal((await told(home, gpu))?.problem, "there is no builder yet");
});

test("a builder of the user's own is asked by what buildx knows of it; one that does not answer is a note", async (t) => {
  const home = homeWithGpu(t, ["nvidia.com/gpu=0"]);
  rmSync(home.services);
  const folder = temporaryFolder(t);
  setVariables(t, { BUILDX_CONFIG: folder });
  const instance = {
    Name: "farm",
    Driver: "remote",
    Nodes: [{ Name: "farm0", Endpoint: "unix:///nowhere" }],
  };
  mkdirSync(join(folder, "instances"));
  writeFileSync(join(folder, "instances", "farm"), JSON.stringify(instance));
  assert.deepEqual(await told(home, { ...gpu, ...ghcr, builder: "farm" }), { device: "nvidia.com/gpu=0" });
  assert.ok(!existsSync(join(home.run, "ways", String(process.pid))), "the way is left open");
  script(join(home.bin, "buildctl"), "echo 'error: connection refused' >&2; exit 1");
  assert.equal(
    (await told(home, { ...gpu, ...ghcr, builder: "farm" }))?.problem,
    "it does not say what it has: error: connection refused",
  );
});

test("pods that an update makes are not asked, nor is a builder whose GPU nobody wants", async (t) => {
  const home = homeWithGpu(t, []);
  const pods = JSON.stringify({ kind: "kubernetes", namespace: "builds" });
  assert.equal(await told(home, { ...gpu, ...ghcr, builder: pods }), undefined);
  assert.equal(await told(home, { generation: "ada" }), undefined);
});

test("a stack that cannot be planned stays as it is", async (t) => {
  const error = new Error("no");
  const known = await askForGpus(homeWithGpu(t, []), "strata", new Map([["ada", error]]));
  assert.equal(known.get("ada"), error);
});
