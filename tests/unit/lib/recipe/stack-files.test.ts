import assert from "node:assert/strict";
import { test } from "node:test";
import type { SourceLock } from "../../../../lib/locks/source-lock.ts";
import { cloudflaredSetting, tensorrtSetting } from "../../../../lib/recipe/source-settings.ts";
import { stackFiles, tensorrtProblems } from "../../../../lib/recipe/stack-files.ts";

const release = {
  version: "2026.9.1",
  url: "https://github.com/cloudflare/cloudflared/releases/download/2026.9.1/cloudflared-linux-amd64",
  sha256: "a".repeat(64),
  source: "a test",
};
const sources: Pick<SourceLock, "cloudflared"> = { cloudflared: release };
const mirrors = { "https://github.com/": "https://mirror.example.org/" };
const all = () => true;
const sha256 = "b".repeat(64);
const wheel = (name: string) => ({ url: `https://packages.example.org/${name}`, sha256 });
const libraries = wheel("tensorrt_cu13_libs-11.4.0.106-py2.py3-none-manylinux_2_28_x86_64.whl");
const bindings = wheel("tensorrt_cu13_bindings-11.4.0.106-cp311-none-manylinux_2_28_x86_64.whl");

test("cloudflared is the lock's release through mirrors, another one where the stack names it, and none where it says so", () => {
  const of = (cloudflared?: unknown) =>
    stackFiles({ cloudflared: cloudflaredSetting.optional().parse(cloudflared), mirrors }, sources, all)
      .cloudflared;
  const path = "cloudflare/cloudflared/releases/download/2026.9.1/cloudflared-linux-amd64";
  assert.deepEqual(of(), {
    url: `https://mirror.example.org/${path}`,
    sha256: release.sha256,
    version: "2026.9.1",
  });
  assert.deepEqual(of({ enabled: true }), of());
  assert.equal(of({ enabled: false }), undefined);
  const other = { url: "https://files.example.org/cloudflared", sha256, version: "2027.1.0" };
  assert.deepEqual(of(other), other);
});

test("a recipe without these layers has neither, whatever the stack says", () => {
  assert.deepEqual(
    stackFiles({ tensorrt: [libraries], mirrors }, sources, () => false),
    {},
  );
});

test("a wheel of TensorRT is known by its file's name", () => {
  const { tensorrt } = stackFiles({ tensorrt: [libraries, bindings], mirrors }, sources, all);
  assert.deepEqual(tensorrt?.["tensorrt-cu13-libs"], { ...libraries, version: "11.4.0.106" });
  assert.deepEqual(Object.keys(tensorrt ?? {}), ["tensorrt-cu13-libs", "tensorrt-cu13-bindings"]);
});

test("an archive of the index, which is a stub, and another package are no wheels of TensorRT", () => {
  for (const name of ["tensorrt_cu13_libs-11.4.0.106.tar.gz", "torch-2.12.0-cp311-none-linux_x86_64.whl"]) {
    assert.equal(tensorrtSetting.safeParse([wheel(name)]).success, false, name);
  }
  assert.equal(tensorrtSetting.safeParse([libraries, bindings]).success, true);
});

test("wheels for another CUDA, of several versions or without the libraries are told together", () => {
  const messages = (setting: Parameters<typeof tensorrtProblems>[0], cuda: "12.8" | "13.0" = "13.0") =>
    tensorrtProblems(setting, { cuda }).map(({ message }) => message);
  assert.deepEqual(messages([]), []);
  assert.deepEqual(messages([libraries, bindings]), []);
  assert.match(
    messages([libraries], "12.8").join(),
    /is not for CUDA 12\.8.*tensorrt-cu12-libs is not among/s,
  );
  const newer = wheel("tensorrt_cu13_bindings-11.5.0.1-cp311-none-manylinux_2_28_x86_64.whl");
  assert.match(messages([libraries, newer]).join(), /of 11\.4\.0\.106 and 11\.5\.0\.1/);
  assert.match(messages([bindings]).join(), /tensorrt-cu13-libs is not among its wheels/);
});
