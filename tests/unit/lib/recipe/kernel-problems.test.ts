import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttentionKernel, CompiledKernel, CudaVersion } from "../../../../lib/gpu/compatibility.ts";
import { compatibilitySet } from "../../../../lib/gpu/compatibility.ts";
import { type GenerationName, generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { type KernelChoice, kernelProblems } from "../../../../lib/recipe/kernel-problems.ts";
import type { PinnedWheel, PinnedWheels } from "../../../../lib/recipe/kernels.ts";
import { flashWheel as flash, sageWheel as sage } from "../../../support/pinned-wheels.ts";

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

test("SageAttention of the index is Triton code, and goes wherever this Triton does, which has left Turing", () => {
  for (const name of generationNames) {
    const found = problems(name, ["triton", "sageattention"]);
    if (name === "turing") assert.match(found.join("\n"), /sageattention runs on Ampere \(8\.0\) and later/);
    else assert.deepEqual(found, [], name);
  }
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

test("a CUDA version that cannot compile is no problem where nothing is compiled", () => {
  assert.deepEqual(problems("ada", ["triton"], {}, [], "12.8"), []);
});
