import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { parseImageLock } from "../../../../lib/locks/image-lock.ts";
import { elapsed } from "../../../../tools/program/progress.ts";
import { cannotBeMade, registryUrl } from "../../../../tools/setup/base-image.ts";
import { mmdebstrapArguments } from "../../../../tools/setup/mmdebstrap.ts";
import { checkDisk, checkPlatform } from "../../../../tools/setup/preflight.ts";

test("other systems and machines are refused with a remedy", () => {
  checkPlatform("linux", "x64");
  assert.throws(
    () => checkPlatform("darwin", "arm64"),
    /this is darwin\/arm64\. Run it on an x86_64 Linux machine/,
  );
  assert.throws(() => checkPlatform("linux", "arm64"), /this is linux\/arm64/);
});

test("too little disk says how much is there, how much is needed, and where", () => {
  checkDisk(41e9, 40e9, "/h");
  assert.throws(
    () => checkDisk(12e9, 40e9, "/h"),
    /\/h: 12 GB are free, but a build needs 40 GB\. .*STRATA_HOME/,
  );
});

test("a registry is asked at its own address", () => {
  assert.equal(registryUrl("docker.io/library/debian:bookworm-slim"), "https://registry-1.docker.io/v2/");
  assert.equal(registryUrl("nvcr.io/nvidia/cuda:13"), "https://nvcr.io/v2/");
});

test("a base that cannot be made here says which one can, and with which Python", () => {
  const text = readFileSync(join(repository, "locks/images.json"), "utf8");
  const lock = parseImageLock(text);
  const image = lock["ubuntu-24.04"];
  assert.ok(image);
  assert.match(
    cannotBeMade("ubuntu-24.04", image, lock).message,
    /base image "ubuntu-24\.04": docker\.io cannot be reached, .* choose in Pulumi\.<stack>\.yaml: strata:base: debian-bookworm with strata:python: "3\.11"/,
  );
});

test("the base image names no mirror and leaves out what servers do not need, copyrights aside", () => {
  const args = mmdebstrapArguments("bookworm", "/t/rootfs.tar");
  assert.deepEqual(args.slice(-2), ["bookworm", "/t/rootfs.tar"]);
  assert.ok(args.includes("--dpkgopt=path-exclude=/usr/share/man/*"));
  const exclude = args.indexOf("--dpkgopt=path-exclude=/usr/share/doc/*");
  assert.ok(exclude >= 0 && exclude < args.indexOf("--dpkgopt=path-include=/usr/share/doc/*/copyright"));
  assert.ok(!args.some((argument) => /https?:/.test(argument)));
});

test("times are written as people read them", () => {
  assert.deepEqual([400, 12_400, 184_000].map(elapsed), ["under 1s", "12s", "3m 4s"]);
});
