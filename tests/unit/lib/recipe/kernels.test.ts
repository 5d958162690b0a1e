import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { repository } from "../../../../home.ts";
import type { AttentionKernel, CompiledKernel, CudaVersion } from "../../../../lib/gpu/compatibility.ts";
import { compatibilitySet } from "../../../../lib/gpu/compatibility.ts";
import { type GenerationName, generation, generationNames } from "../../../../lib/gpu/generations.ts";
import type { Plan, Stage } from "../../../../lib/plan/plan.ts";
import { type KernelChoice, kernelProblems } from "../../../../lib/recipe/kernel-problems.ts";
import {
  mirroredWheels,
  type PinnedWheel,
  type PinnedWheels,
  wheelFile,
  withKernels,
} from "../../../../lib/recipe/kernels.ts";
import { planStack } from "../../../../recipes/stack-plan.ts";
import { stageProblems } from "../../../support/dockerfile.ts";
import { sampleLabels } from "../../../support/layers.ts";

const sha256 = "5".repeat(64);
const flash: PinnedWheel = {
  url: "https://files.example.org/flash_attn-2.8.3%2Bcu13torch2.12-cp311-cp311-linux_x86_64.whl",
  sha256,
  version: "2.8.3+cu13torch2.12",
};
const sage: PinnedWheel = {
  url: "https://files.example.org/sageattention-2.2.0-cp39-abi3-manylinux_2_28_x86_64.whl",
  sha256,
  version: "2.2.0",
};

function problems(
  name: GenerationName,
  attention: AttentionKernel[],
  wheels: PinnedWheels = {},
  compile: CompiledKernel[] = [],
  cuda: CudaVersion = "13.0",
): string[] {
  const choice: KernelChoice = {
    attention,
    wheels,
    compile,
    python: "3.11",
    generation: generation(name),
    set: compatibilitySet(cuda),
  };
  return kernelProblems(choice).map(({ message }) => message);
}

test("a package that the index has only as source needs a wheel, and says how", () => {
  const [problem = "", ...more] = problems("ada", ["triton", "flash-attn"]);
  assert.deepEqual(more, []);
  assert.match(problem, /no flash-attn for CUDA 13\.0: the index has only its source/);
  assert.match(problem, /pin a wheel of it: strata:wheels \{"flash-attn": \{"url"/);
  assert.match(problem, /or have it compiled, which takes hours: strata:compile \["flash-attn"\]/);
});

test("a kernel that is compiled needs no wheel, but cards that run it", () => {
  assert.deepEqual(problems("ada", ["flash-attn", "sageattention"], {}, ["flash-attn", "sageattention"]), []);
  // SageAttention of the index goes anywhere; compiled it is another thing.
  for (const name of ["cpu", "turing"] as const) {
    assert.match(
      problems(name, ["sageattention"], {}, ["sageattention"])[0] ?? "",
      /runs on Ampere \(8\.0\)/,
    );
  }
});

test("what is to be compiled and cannot be, or need not, is an error", () => {
  assert.match(problems("ada", ["triton"], {}, ["flash-attn"])[0] ?? "", /compile: flash-attn is not used/);
  const both = problems("ada", ["flash-attn"], { "flash-attn": flash }, ["flash-attn"]);
  assert.match(both[0] ?? "", /flash-attn has a pinned wheel as well/);
  const old = problems("ada", ["sageattention"], {}, ["sageattention"], "12.8");
  assert.match(
    old[0] ?? "",
    /strata:compile: CUDA 12\.8 cannot compile kernels: .* Set strata:cuda to "13\.0"/,
  );
});

test("nunchaku of the index is another project", () => {
  assert.match(problems("ada", ["nunchaku"])[0] ?? "", /no nunchaku .* is another project/);
});

test("compiled kernels are refused where no card of the generation runs them", () => {
  for (const name of generationNames) {
    const refused = problems(name, ["flash-attn", "sageattention"], {
      "flash-attn": flash,
      sageattention: sage,
    });
    if (name !== "cpu" && name !== "turing") assert.deepEqual(refused, [], name);
    else {
      assert.equal(refused.length, 2);
      assert.match(
        refused[0] ?? "",
        /strata:attention: flash-attn runs on Ampere \(8\.0\) and later, not on (cpu|turing) /,
      );
      assert.match(refused[1] ?? "", /sageattention runs on Ampere/);
    }
  }
});

test("on the CPU flash-attn is refused for both reasons at once", () => {
  const both = problems("cpu", ["flash-attn"]);
  assert.equal(both.length, 2);
  assert.match(both[0] ?? "", /runs on Ampere/);
  assert.match(both[1] ?? "", /only its source/);
});

test("SageAttention of the index is Triton code, and goes anywhere", () => {
  for (const name of generationNames) assert.deepEqual(problems(name, ["triton", "sageattention"]), [], name);
});

test("a wheel's file has to be what the setting says, for this Python, and wanted", () => {
  const wrong = (wheel: Partial<PinnedWheel>, attention: AttentionKernel[] = ["flash-attn"]) =>
    problems("ada", attention, { "flash-attn": { ...flash, ...wheel } }).join("\n");
  assert.match(
    wrong({ version: "2.8.2" }),
    /strata:wheels\.flash-attn: .* is version 2\.8\.3\+cu13torch2\.12, not 2\.8\.2/,
  );
  assert.match(wrong({ url: flash.url.replaceAll("cp311", "cp312") }), /is not for Python 3\.11/);
  assert.match(wrong({ url: flash.url.replace("linux_x86_64", "win_amd64") }), /on x86-64/);
  assert.match(wrong({ url: sage.url }), /sageattention-2\.2\.0-.* is no wheel of flash-attn/);
  assert.match(wrong({ url: "https://example.org/flash_attn-2.8.3.tar.gz" }), /is no wheel of flash-attn/);
  assert.match(wrong({}, ["triton"]), /strata:wheels\.flash-attn: is not used\. Add "flash-attn"/);
});

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
