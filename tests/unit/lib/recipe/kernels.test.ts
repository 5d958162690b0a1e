import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { repository } from "../../../../home.ts";
import type { AttentionKernel } from "../../../../lib/gpu/compatibility.ts";
import type { Plan, Stage } from "../../../../lib/plan/plan.ts";
import {
  mirroredWheels,
  type PinnedWheels,
  runnableOn,
  wheelFile,
  withKernels,
} from "../../../../lib/recipe/kernels.ts";
import { planStack } from "../../../../recipes/stack-plan.ts";
import { stageProblems } from "../../../support/dockerfile.ts";
import { sampleLabels } from "../../../support/layers.ts";
import { flashWheel as flash, sageWheel as sage } from "../../../support/pinned-wheels.ts";

const { sha256 } = flash;

test("the file is called as its address ends, and comes from a mirror", () => {
  assert.equal(wheelFile(flash), "flash_attn-2.8.3+cu13torch2.12-cp311-cp311-linux_x86_64.whl");
  const mirrors = { "https://files.example.org/": "https://mirror.example.com/wheels/" };
  assert.equal(
    mirroredWheels({ sageattention: sage }, mirrors).sageattention?.url,
    "https://mirror.example.com/wheels/sageattention-2.2.0-cp39-abi3-manylinux_2_28_x86_64.whl",
  );
});

/** The attention stage of studio, for Ada. */
function attentionStage(attention: AttentionKernel[], wheels: PinnedWheels, recipe = "studio"): Stage {
  const config = parseConfig({
    "strata:recipe": recipe,
    "strata:generation": "ada",
    "strata:attention": JSON.stringify(attention),
    "strata:wheels": JSON.stringify(wheels),
  });
  const { plan } = planStack(config, { root: repository, localImages: "none.json" }, sampleLabels);
  const stage = plan.stages.find(({ name }) => name === "attention");
  assert.ok(stage);
  return stage;
}

const textOf = (stage: Stage, file: string) =>
  stage.files.find(({ path }) => path === file)?.content.toString() ?? "";

test("BuildKit fetches a pinned wheel by its hash, and the stage installs that file", () => {
  const stage = attentionStage(["triton", "flash-attn"], { "flash-attn": flash });
  assert.deepEqual(stageProblems(stage), []);
  assert.ok(
    textOf(stage, "Dockerfile").includes(
      `ADD --checksum=sha256:${sha256} ${flash.url} /${wheelFile(flash)}\n`,
    ),
  );
  assert.equal(textOf(stage, "built-requirements.txt"), "flash-attn\n");
  assert.doesNotMatch(textOf(stage, "requirements.txt"), /flash/);
  assert.equal(stage.args.KERNELS, "triton flash_attn");
});

test("a pinned wheel takes the place of the index's own", () => {
  const stage = attentionStage(["triton", "sageattention"], { sageattention: sage });
  assert.equal(textOf(stage, "built-requirements.txt"), "sageattention\n");
  assert.doesNotMatch(textOf(stage, "requirements.txt"), /sageattention/);
  assert.match(stage.inputs["package:sageattention"] ?? "", /^2\.2\.0 /);
});

test("without pinned wheels the stage is what it always was", () => {
  const stage = attentionStage(["triton", "sageattention"], {});
  assert.doesNotMatch(textOf(stage, "Dockerfile"), /ADD|pinned/);
  assert.equal(textOf(stage, "built-requirements.txt"), "");
});

test("version and hash of a wheel are in the key", () => {
  const keys = [
    flash,
    { ...flash, sha256: "6".repeat(64) },
    { ...flash, url: flash.url.replace("2.8.3", "2.8.4"), version: flash.version.replace("2.8.3", "2.8.4") },
  ].map((wheel) => attentionStage(["flash-attn"], { "flash-attn": wheel }).key);
  assert.equal(new Set(keys).size, 3);
});

test("nunchaku cannot be imported where diffusers is not: only its libraries are loaded", () => {
  const wheel = {
    url: "https://e.org/nunchaku-1.0.0-cp311-cp311-linux_x86_64.whl",
    sha256,
    version: "1.0.0",
  };
  assert.equal(attentionStage(["triton", "nunchaku"], { nunchaku: wheel }).args.KERNELS, "triton");
});

test("what a kernel needs has to be in the lock", () => {
  const none = { wheels: {}, compiled: {} };
  assert.throws(
    () => withKernels(new Map(), { ...none, wheels: { "flash-attn": flash } }, "a lock"),
    /strata:wheels\.flash-attn: flash-attn needs torch, which a lock does not hold/,
  );
  const compiled = { sageattention: { version: "2.2.0", sha256: "" } };
  assert.throws(
    () => withKernels(new Map(), { ...none, compiled }, "a lock"),
    /strata:compile: sageattention needs torch, which a lock does not hold/,
  );
});

test("kernels of a stack's own stand in the lock with their hash, and what they need says so", () => {
  const entry = (name: string, requiredBy: string[] = []) =>
    [name, { name, version: "1", hashes: [], requiredBy, fromSource: false }] as const;
  const lock = new Map([entry("torch", ["-r x.in"]), entry("einops"), entry("sageattention", ["comfyui"])]);
  const joined = withKernels(
    lock,
    {
      wheels: { "flash-attn": flash },
      compiled: { sageattention: { version: "2.2.0", git: { location: "l", commit: "c" } } },
    },
    "a lock",
  );
  assert.deepEqual(Object.fromEntries(joined), {
    torch: { ...entry("torch")[1], requiredBy: ["-r x.in", "flash-attn", "sageattention"] },
    einops: { ...entry("einops")[1], requiredBy: ["flash-attn"] },
    "flash-attn": {
      name: "flash-attn",
      version: flash.version,
      hashes: [`sha256:${sha256}`],
      requiredBy: [],
      fromSource: false,
      pinned: true,
    },
    sageattention: {
      name: "sageattention",
      version: "2.2.0",
      hashes: [],
      requiredBy: ["comfyui"],
      fromSource: true,
    },
  });
  assert.deepEqual(lock.get("torch")?.requiredBy, ["-r x.in"], "the lock itself stays");
});

test("a kernel runs from its lowest cards on; one without a compiled part on all", () => {
  assert.deepEqual(runnableOn("flash-attn", ["7.5", "8.0", "8.6", "12.0"]), ["8.0", "8.6", "12.0"]);
  assert.deepEqual(runnableOn("nunchaku", ["7.0", "7.5"]), ["7.5"]);
  assert.deepEqual(runnableOn("triton", ["5.0"]), ["5.0"]);
  assert.equal(wheelFile({ url: "https://h.invalid/a/b-1.whl?token=x/y#z" }), "b-1.whl");
});

/** The plan of starter for Ada with both kernels compiled. */
function planCompiled(more: Readonly<Record<string, string>> = {}): Plan {
  const config = parseConfig({
    "strata:generation": "ada",
    "strata:attention": '["triton", "sageattention", "flash-attn"]',
    "strata:compile": '["sageattention", "flash-attn"]',
    ...more,
  });
  return planStack(config, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

const stageOf = ({ stages }: Plan, name: string): Stage => {
  const stage = stages.find((candidate) => candidate.name === name);
  assert.ok(stage, name);
  return stage;
};

test("a kernel that is compiled is a wheel of its own stage, which the attention stage installs", () => {
  const plan = planCompiled();
  for (const name of ["attention", "wheel-flash-attn", "wheel-sageattention"])
    assert.deepEqual(stageProblems(stageOf(plan, name)), []);
  const stage = stageOf(plan, "attention");
  assert.deepEqual(stage.parents.filter((parent) => parent.startsWith("wheel-")).sort(), [
    "wheel-flash-attn",
    "wheel-sageattention",
  ]);
  assert.equal(textOf(stage, "built-requirements.txt"), "flash-attn\nsageattention\n");
  assert.doesNotMatch(textOf(stage, "requirements.txt"), /flash|sage/);
  assert.match(textOf(stage, "requirements.txt"), /^einops==/m);
  assert.match(stage.inputs["package:sageattention"] ?? "", /^2\.2\.0 /);
});

test("a kernel's source is pinned: the index's archive by its hash, a repository at its commit, from a mirror", () => {
  const mirror = "https://git.example.org/mirror/";
  const plan = planCompiled({ "strata:mirrors": JSON.stringify({ "https://github.com/": mirror }) });
  assert.match(stageOf(plan, "wheel-flash-attn").args.HASHES ?? "", /^[0-9a-f]{64}$/);
  const sources = textOf(stageOf(plan, "wheel-sageattention"), "Dockerfile");
  assert.match(
    sources,
    /^ADD https:\/\/git\.example\.org\/mirror\/thu-ml\/SageAttention\.git\?ref=[0-9a-f]{40}&/m,
  );
});

test("other cards compile their kernels anew; torch and CUDA stay what they were", () => {
  const [ada, hopper] = [planCompiled(), planCompiled({ "strata:generation": "hopper" })];
  for (const name of ["wheel-flash-attn", "wheel-sageattention", "attention"])
    assert.notEqual(stageOf(ada, name).key, stageOf(hopper, name).key, name);
  for (const name of ["cuda", "torch"]) assert.equal(stageOf(ada, name).key, stageOf(hopper, name).key, name);
});
