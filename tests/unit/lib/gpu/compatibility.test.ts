import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { llamaCpp } from "../../../../layers/llama-cpp/layer.ts";
import {
  attentionKernels,
  type CompatibilitySet,
  compatibilitySet,
  cudaToolchain,
  cudaVersions,
} from "../../../../lib/gpu/compatibility.ts";
import { missingWheelProblems } from "../../../../lib/locks/missing-wheels.ts";
import {
  closure,
  type PythonLock,
  parsePythonLock,
  requirementName,
} from "../../../../lib/locks/python-lock.ts";
import { recipeNames, recipes } from "../../../../recipes/index.ts";

/** Every lock that was resolved for a CUDA version, with its path; those that only say what is missing hold nothing. */
function locksOf(cuda: string): [path: string, lock: PythonLock][] {
  return globSync(`locks/python/*-cu${cuda}.txt`, { cwd: repository })
    .map((path) => [path, readFileSync(join(repository, path), "utf8")] as const)
    .filter(([path, text]) => missingWheelProblems(text, path).length === 0)
    .map(([path, text]) => [path, parsePythonLock(text, path)]);
}

/** Exact pins of a set, by distribution. */
function pinsOf({ torch, torchvision, attention }: CompatibilitySet): Record<string, string> {
  const kernels = attentionKernels.flatMap((kernel) => {
    const wheel = attention[kernel];
    return "version" in wheel ? [[kernel, wheel.version] as const] : [];
  });
  return { torch, torchvision, ...Object.fromEntries(kernels) };
}

for (const cuda of cudaVersions) {
  const set = compatibilitySet(cuda);

  test(`CUDA ${cuda}: the set is the one that was asked for`, () => {
    assert.equal(set.cuda, cuda);
    assert.match(set.minimumDriver, /^\d{3}\.\d+(\.\d+)?$/);
  });

  test(`CUDA ${cuda}: the locks hold exactly the versions of the set`, () => {
    const locks = locksOf(cuda);
    assert.ok(locks.length >= 2, "a lock for each Python");
    for (const [path, lock] of locks) {
      for (const [name, version] of Object.entries(pinsOf(set))) {
        assert.equal(lock.get(name)?.version, version, `${path}: ${name}`);
      }
    }
  });

  test(`CUDA ${cuda}: every CUDA library that torch asks for comes with the set's, so the cuda layer owns it`, () => {
    for (const [path, lock] of locksOf(cuda)) {
      const named = closure(lock, set.cudaLibraries.map(requirementName), path);
      for (const { name, requiredBy } of lock.values()) {
        if (!/^(nvidia-|cuda-toolkit)/.test(name) || !requiredBy.includes("torch")) continue;
        assert.ok(named.has(name), `${path}: torch needs ${name}`);
      }
      assert.ok(!named.has("torch"), "the cuda layer must not own torch");
    }
  });

  test(`CUDA ${cuda}: libraries are of this CUDA, none of another`, () => {
    const major = cuda.split(".")[0];
    for (const [path, lock] of locksOf(cuda)) {
      for (const { name } of lock.values()) {
        const other = /^nvidia-.*-cu(\d+)$/.exec(name)?.[1];
        if (other) assert.equal(other, major, `${path}: ${name}`);
      }
    }
  });

  test(`CUDA ${cuda}: what cannot be had says why, as a part of a sentence`, () => {
    const missing = [set.cudaCompiler, ...attentionKernels.map((kernel) => set.attention[kernel])];
    for (const entry of missing) {
      if ("missing" in entry) assert.match(entry.missing, /^[a-z].{20,}[^.]$/);
      else if ("requirements" in entry) assert.ok(entry.requirements.length > 0);
    }
  });

  test(`CUDA ${cuda}: a compiler is of exactly this CUDA`, () => {
    if ("missing" in set.cudaCompiler) return;
    const names = set.cudaCompiler.requirements.map(requirementName);
    const compiling = recipeNames.filter((name) => recipes[name].layers.includes(llamaCpp));
    for (const requirement of set.cudaCompiler.requirements) {
      assert.ok(requirement.endsWith(`==${cuda}.*`), requirement);
    }
    for (const [path, lock] of locksOf(cuda)) {
      // A recipe that compiles no CUDA code has no compiler in its lock.
      if (!compiling.some((recipe) => path.includes(`/${recipe}-py`))) continue;
      for (const name of names) {
        assert.ok(lock.get(name)?.version.startsWith(`${cuda}.`), `${path}: ${name}`);
      }
    }
  });
}

test("Triton is the one that this torch asks for", () => {
  for (const [path, lock] of cudaVersions.flatMap(locksOf)) {
    assert.ok(lock.get("triton")?.requiredBy.includes("torch"), path);
  }
});

test("every kernel has a version or a reason, in every set", () => {
  for (const cuda of cudaVersions) {
    const { attention } = compatibilitySet(cuda);
    for (const kernel of attentionKernels) {
      const { version, missing } = attention[kernel] as { version?: string; missing?: string };
      assert.ok(version === undefined ? missing : /^\d+(\.\d+)+$/.test(version), `${cuda}: ${kernel}`);
    }
  }
});

test("a toolchain looks at what its compiler made; without a compiler there is none", () => {
  const { cudaCompiler } = compatibilitySet("13.0");
  assert.ok("requirements" in cudaCompiler);
  assert.deepEqual(cudaToolchain(compatibilitySet("13.0")), [
    ...cudaCompiler.requirements,
    "nvidia-cuda-cuobjdump==13.2.*",
  ]);
  assert.deepEqual(cudaToolchain(compatibilitySet("12.8")), []);
});

test("torchaudio is the set's where a lock has it", () => {
  for (const cuda of cudaVersions) {
    const versions = locksOf(cuda).flatMap(([, lock]) => lock.get("torchaudio")?.version ?? []);
    assert.ok(versions.length > 0, cuda);
    assert.deepEqual(new Set(versions), new Set([compatibilitySet(cuda).torchaudio]));
  }
});
