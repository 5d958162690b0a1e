import assert from "node:assert/strict";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { attentionKernels, cudaVersions } from "../../../../lib/gpu/compatibility.ts";
import { cmakeCudaArchitectures, generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { parseSourceLock } from "../../../../lib/locks/source-lock.ts";
import { mirrored } from "../../../../lib/mirrors.ts";
import { type Choices, gitPackages, layerContext as resolved } from "../../../../lib/plan/context.ts";
import { sampleLayer } from "../../../support/layers.ts";

const sources = parseSourceLock(
  JSON.stringify({
    llamaCpp: {
      sdist: { package: "llama-cpp-python", version: "0.3.36", sha256: "8".repeat(64) },
      git: { repository: "https://example.org/llama.cpp.git", tag: "b8505", commit: null },
    },
    cloudflared: {
      version: "2026.9.1",
      url: "https://example.org/cloudflared",
      sha256: "7".repeat(64),
      source: "https://example.org/cloudflared.git",
    },
    kernels: {
      "flash-attn": { version: "2.8.3", sha256: "9".repeat(64) },
      sageattention: {
        version: "2.2.0",
        repository: "https://example.org/sage.git",
        tag: "v2.2.0",
        commit: "a".repeat(40),
      },
    },
  }),
);
const nodes = { repositories: {}, packages: {} };
const layerContext = (chosen: Choices, on: typeof base, locked: typeof sources) =>
  resolved(chosen, { recipe: { layers: [sampleLayer("llama-cpp")] }, base: on, sources: locked, nodes });
const base = { name: "debian-bookworm", reference: "base@sha256:x", python: "3.11" };
const choices: Choices = {
  recipe: "starter",
  generation: "cpu",
  python: "3.11",
  cuda: "13.0",
  attention: ["triton"],
  wheels: {},
  llama: { enabled: true, source: "sdist", ui: true, vmm: true },
  mirrors: {},
};

test("the sdist is pinned by version and hash", () => {
  assert.deepEqual(layerContext(choices, base, sources).llama.pin, {
    version: "llama-cpp-python-0.3.36",
    location: "0.3.36",
    hash: "8".repeat(64),
  });
});

test("a compression counts where the stack says one, the default too", () => {
  const of = (compression?: Choices["compression"]) =>
    layerContext({ ...choices, ...(compression && { compression }) }, base, sources).compression;
  assert.equal(of(), undefined);
  assert.deepEqual(of({ kind: "zstd", level: 3 }), { kind: "zstd", level: 3 });
  assert.deepEqual(of({ kind: "zstd", level: 9 }), { kind: "zstd", level: 9 });
  assert.deepEqual(of({ kind: "gzip", level: 6 }), { kind: "gzip", level: 6 });
});

test("a git source needs a commit, goes through the mirrors, and is pinned by it", () => {
  const git: Choices = { ...choices, llama: { enabled: true, source: "git", ui: true, vmm: true } };
  assert.throws(
    () => layerContext(git, base, sources),
    /strata:llama: the commit of llama\.cpp b8505 is not known/,
  );
  const commit = "c".repeat(40);
  const mirrors = { "https://example.org/": "git://127.0.0.1:9418/" };
  const pin = layerContext({ ...git, llama: { ...git.llama, commit }, mirrors }, base, sources).llama.pin;
  assert.deepEqual(pin, { version: "b8505", location: "git://127.0.0.1:9418/llama.cpp.git", hash: commit });
});

test("what does not fit together is told together", () => {
  const wrong: Choices = {
    ...choices,
    generation: "ada",
    python: "3.12",
    cuda: "12.8",
    llama: { enabled: true, source: "git", ui: true, vmm: true },
  };
  assert.throws(
    () => layerContext(wrong, base, sources),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        ["strata:python", "strata:cuda", "strata:llama"],
      );
      return true;
    },
  );
});

test("a Python that the base lacks: which base brings it, if any does", () => {
  const bases = { "debian-bookworm": { python: "3.11" }, "ubuntu-24.04": { python: "3.12" } };
  const on = (python: Choices["python"]) => () =>
    resolved({ ...choices, python }, { recipe: { layers: [] }, base, bases, sources, nodes });
  assert.throws(on("3.12"), /not 3\.12\. Set strata:base to ubuntu-24\.04, or strata:python to "3\.11"\./);
  assert.throws(on("3.14"), /not 3\.14\. No image of locks\/images\.json brings it: add one/);
  assert.doesNotThrow(on("3.11"));
});

test("a recipe without llama.cpp has none, and no CUDA version is too old to compile it", () => {
  const older: Choices = { ...choices, generation: "ada", cuda: "12.8" };
  assert.throws(() => layerContext(older, base, sources), /strata:cuda: 12\.8 cannot compile llama\.cpp/);
  const without = resolved(older, { recipe: { layers: [] }, base, sources, nodes });
  assert.equal(without.llama.enabled, false);
});

test("xformers is refused beside a torch that its wheel does not load with", () => {
  assert.throws(
    () => layerContext({ ...choices, attention: ["xformers"] }, base, sources),
    /strata:attention: no xformers for CUDA 13\.0: .*does not load with torch 2\.12/,
  );
  assert.doesNotThrow(() =>
    layerContext({ ...choices, cuda: "12.8", attention: ["xformers"] }, base, sources),
  );
});

test("every generation and CUDA version has its facts", () => {
  for (const name of generationNames) assert.equal(generation(name).name, name);
  assert.equal(cmakeCudaArchitectures(generation("ada").computeCapabilities), "89-real");
  assert.equal(cmakeCudaArchitectures(generation("ampere").computeCapabilities), "80-real;86-real");
  assert.equal(cmakeCudaArchitectures(generation("cpu").computeCapabilities), "");
  for (const cuda of cudaVersions) {
    const { set } = layerContext({ ...choices, cuda }, base, sources);
    assert.deepEqual(Object.keys(set.attention).sort(), [...attentionKernels].sort());
  }
});

const inGit = {
  resolution: { gitPackages: { Cozy_Kit: { repository: "https://example.org/cozy/kit", requires: [] } } },
};

test("a git package is at the lock's commit, behind the mirrors, by its normalised name", () => {
  const repository = "https://example.org/cozy/kit";
  const commit = "c".repeat(40);
  const packages = { Cozy_Kit: { repository, ref: "HEAD", commit, version: "1.2" } };
  const mirrors = { "https://example.org/": "git://127.0.0.1/" };
  assert.deepEqual(gitPackages(inGit, { repositories: {}, packages }, mirrors), {
    "cozy-kit": { location: "git://127.0.0.1/cozy/kit", commit, version: "1.2" },
  });
});

test("a git package that the lock lacks is named, with the command that mends it", () => {
  assert.throws(
    () => gitPackages(inGit, nodes, {}),
    /Cozy_Kit: is not in the lock\. Run `npm run lock -- nodes`/,
  );
});

test("the longest prefix that a mirror is given for is replaced", () => {
  const mirrors = { "https://a/": "https://m/", "https://a/b/": "https://n/" };
  assert.equal(mirrored("https://a/b/c.git", mirrors), "https://n/c.git");
  assert.equal(mirrored("https://a/c.git", mirrors), "https://m/c.git");
  assert.equal(mirrored("https://z/c.git", mirrors), "https://z/c.git");
});

test("kernels to compile come with their pins; one in a repository is fetched from the mirror", () => {
  const chosen: Choices = {
    ...choices,
    generation: "ada",
    attention: ["triton", "sageattention", "flash-attn"],
    compile: ["sageattention", "flash-attn"],
    mirrors: { "https://example.org/": "https://mirror/" },
  };
  const { compiled, gitPackages: inGit } = layerContext(chosen, base, sources);
  assert.equal(compiled["flash-attn"]?.sha256, "9".repeat(64));
  const location = "https://mirror/sage.git";
  assert.deepEqual(inGit, { sageattention: { location, commit: "a".repeat(40), version: "2.2.0" } });
  assert.deepEqual(layerContext(choices, base, sources).compiled, {});
});

test("a source lock with a shortened hash is refused", () => {
  assert.throws(
    () =>
      parseSourceLock(
        '{"llamaCpp":{"sdist":{"package":"llama-cpp-python","version":"1","sha256":"ab"},"git":{}}}',
      ),
    /a sha256 has 64 hex digits, got "ab"/,
  );
});

test("the base is named with its digest, and a worker for RunPod is told of where there is one", () => {
  const of = (...layers: string[]) =>
    resolved(choices, {
      recipe: { layers: layers.map((each) => sampleLayer(each)) },
      base,
      sources,
      nodes,
    });
  assert.deepEqual(of("system").base, { name: "debian-bookworm", digest: "sha256:x" });
  assert.equal(of("system", "runpod-worker").runpod, true);
  assert.ok(!("runpod" in of("system")));
});
