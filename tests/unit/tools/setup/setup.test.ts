import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt, repository } from "../../../../home.ts";
import { parseImageLock } from "../../../../lib/locks/image-lock.ts";
import { mmdebstrapArguments } from "../../../../tools/debian/mmdebstrap.ts";
import { elapsed } from "../../../../tools/program/progress.ts";
import type { Services } from "../../../../tools/services/record.ts";
import { cannotBeMade, registryUrl } from "../../../../tools/setup/base-image.ts";
import { checkDockerConfig } from "../../../../tools/setup/docker-config.ts";
import {
  checkDisk,
  checkFileSystem,
  checkPlatform,
  preflight,
  wantedSpace,
} from "../../../../tools/setup/preflight.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

test("other systems and machines are refused with a remedy", () => {
  checkPlatform("linux", "x64");
  assert.throws(
    () => checkPlatform("darwin", "arm64"),
    /this is darwin\/arm64\. Run it on an x86_64 Linux machine/,
  );
  assert.throws(() => checkPlatform("linux", "arm64"), /this is linux\/arm64/);
});

test("a file system that takes every file for a program, or ignores case, is refused", (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "LICENSE");
  writeFileSync(file, "", { mode: 0o644 });
  assert.doesNotThrow(() => checkFileSystem(folder));
  chmodSync(file, 0o777);
  assert.throws(() => checkFileSystem(folder), /takes every file for a program.* not below \/mnt/s);
  chmodSync(file, 0o644);
  // As such a file system shows it.
  writeFileSync(join(folder, "license"), "");
  assert.throws(() => checkFileSystem(folder), /does not tell names apart by case/);
});

test("too little disk says how much is there, how much is needed, and where", () => {
  checkDisk(41e9, 40e9, "/h");
  assert.throws(
    () => checkDisk(12e9, 40e9, "/h"),
    /\/h: 12 GB are free, but a build needs 40 GB\. .*STRATA_HOME/,
  );
});

test("with Docker, a first build needs its room where Docker's data is, and a later one does not", async (t) => {
  const folder = temporaryFolder(t);
  const home = homeAt(join(folder, "home"));
  mkdirSync(home.root);
  const engine = { id: "engine-1", version: "26.1", endpoint: "unix:///s", root: "/var/lib/docker" };
  const place = { kind: "docker", engine } as const;
  const wanted = async (where: Parameters<typeof wantedSpace>[1] = place) =>
    Object.fromEntries(
      (await wantedSpace(home, where, 30e9)).map(({ folder, needed }) => [folder, needed / 1e9]),
    );
  assert.deepEqual(await wanted(), { "/var/lib/docker": 30, [home.root]: 2 });
  // Neither of these tells with Docker, where base images come from a registry.
  mkdirSync(home.buildkit);
  assert.deepEqual(await wanted(), { "/var/lib/docker": 30, [home.root]: 2 });
  assert.deepEqual(await wanted({ kind: "buildkitd" }), { [home.root]: 5 });
  const services: Services = {
    builder: { kind: "docker", name: "strata", address: "docker-container://b" },
    registry: { kind: "docker", address: "127.0.0.1:5000" },
    docker: { clone: "1", engine: "engine-1", endpoint: "unix:///s" },
  };
  writeFileSync(home.services, JSON.stringify(services));
  assert.deepEqual(await wanted(), { "/var/lib/docker": 5, [home.root]: 2 });
  // Data in a virtual machine cannot be looked at from here.
  assert.deepEqual(await wanted({ kind: "docker", engine: { ...engine, root: undefined } }), {
    [home.root]: 2,
  });
});

test("too little room for Docker's data is said of that disk; a folder that is not of this machine is not judged", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const at = (root: string) =>
    ({ kind: "docker", engine: { id: "1", version: "26.1", endpoint: "unix:///s", root } }) as const;
  const root = join(home.root, "docker");
  mkdirSync(root);
  await assert.rejects(
    preflight(home, at(root), 1e18),
    new RegExp(`${root}: .* are free, but a build needs 1 EB\\. .*docker system df.*data-root`),
  );
  await preflight(home, at("/nowhere/docker"), 1);
  await assert.rejects(preflight(home, { kind: "buildkitd" }, 1e18), /STRATA_HOME/);
});

test("a configuration with which nothing of Docker's starts is refused before anything is", async (t) => {
  const folder = temporaryFolder(t);
  const PATH = temporaryFolder(t);
  const config = (text: string) => writeFileSync(join(folder, "config.json"), text);
  const check = (environment = {}) => checkDockerConfig(folder, { PATH, ...environment });
  await checkDockerConfig(join(folder, "none"), { PATH });
  config('{"auths": {}, "credHelpers": {"ghcr.io": "absent"}}');
  await check();
  config('{"credsStore": "desktop.exe", "currentContext": "desktop"}');
  await assert.rejects(check(), (error: Error) => {
    assert.match(
      error.message,
      /config\.json: names the credential store "desktop\.exe", and there is no docker-cred/,
    );
    assert.match(
      error.message,
      /config\.json: names the context "desktop", which is not there\. .*use default/,
    );
    return true;
  });
  script(join(PATH, "docker-credential-desktop.exe"), "exit 0");
  await check({ DOCKER_HOST: "unix:///run/docker.sock" });
  await check({ DOCKER_CONTEXT: "default" });
  await assert.rejects(check({ DOCKER_CONTEXT: "x" }), /^UserError: DOCKER_CONTEXT: names the context "x"/);
  await assert.rejects(check({ DOCKER_HOST: "foo://bar" }), /DOCKER_HOST: "foo:\/\/bar" is no address/);
  // As `docker context create` writes it.
  const hash = createHash("sha256").update("desktop").digest("hex");
  mkdirSync(join(folder, "contexts/meta", hash), { recursive: true });
  writeFileSync(join(folder, "contexts/meta", hash, "meta.json"), "{}");
  await check();
  config("{");
  await assert.rejects(check(), /config\.json: is not a configuration/);
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
