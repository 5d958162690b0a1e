import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { makeTar, readTar } from "../../oci/support/tar.ts";
import { temporaryFolder } from "../../support/folder.ts";

const tar = await makeTar([{ name: "file", content: "x" }]);

/** An image in zstd that listens on a port; found in `strata` as well, the repository of the stack `dev`. */
function pushed(registry: FakeRegistry, tag: string): string {
  registry.intercept = (request) => {
    request.url = request.url?.replace("/v2/strata/", `/v2/${REPOSITORY}/`) ?? "";
    return false;
  };
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+zstd", bytes: zstdCompressSync(tar) };
  const { digest } = registry.image(tag, [layer], {
    architecture: "amd64",
    os: "linux",
    config: { ExposedPorts: { "8000/tcp": {} } },
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
  return digest;
}

/** A home whose local registry is `registry`. */
function homeOf(t: TestContext, registry: FakeRegistry): string {
  const folder = temporaryFolder(t);
  const services = {
    builder: { kind: "buildkitd", name: "strata", address: "tcp://127.0.0.1:1" },
    registry: { kind: "process", address: registry.host },
  };
  writeFileSync(join(folder, "services.json"), JSON.stringify(services));
  return folder;
}

const run = (home: string, ...words: string[]) =>
  execa(process.execPath, [join(repository, "tools/commands/export.ts"), ...words], {
    env: { STRATA_HOME: home, STRATA_RECIPE: "", STRATA_GENERATION: "" },
    reject: false,
    all: true,
    stdin: "ignore",
  });

test("without words it is the stack's product, by the tag that it got when it passed", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeOf(t, registry);
  const digest = pushed(registry, "starter-cpu");
  const { stdout, stderr, exitCode } = await run(home);
  assert.equal(exitCode, 0, stderr);
  assert.equal(stdout, join(home, "exports", "strata-starter-cpu.tar"));
  assert.ok(stderr.includes(`image     ${registry.host}/strata@${digest}`), stderr);
  assert.match(
    stderr,
    /^engines {3}Docker 23\.0, containerd 1\.5 or Podman 4\.3, or newer \(zstd\); --gzip for older/m,
  );
  assert.match(stderr, /^run it {4}docker run --rm -p 8000:8000 strata:starter-cpu$/m);
  const members = await readTar(readFileSync(stdout));
  const [{ RepoTags }] = JSON.parse(members.get("manifest.json")?.toString() ?? "");
  assert.deepEqual(RepoTags, ["strata:starter-cpu"]);
});

test("a stack without a product that passed says so", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeOf(t, registry);
  pushed(registry, "another-tag");
  const { all, exitCode } = await run(home);
  assert.equal(exitCode, 1);
  assert.match(
    all,
    /strata:starter-cpu: is not there: no product of this stack has passed its test\. `make up STACK=dev`/,
  );
  assert.match((await run(home, "--stack", "dve")).all, /stack dve: has no file Pulumi\.dve\.yaml/);
  assert.deepEqual(readdirSync(home), ["services.json"]);
});

test("an image by its digest, in gzip for every engine, or as a folder that must not be there yet", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeOf(t, registry);
  const digest = pushed(registry, "x");
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  const file = join(home, "out", "x.tar");
  const { all, exitCode } = await run(home, "--reference", reference, "--output", file, "--gzip");
  assert.equal(exitCode, 0, all);
  assert.match(all, /, with layers in gzip: sha256:\w{64}$/m);
  assert.match(all, /^engines {3}any$/m);
  assert.match(all, new RegExp(`image:${digest.slice(7, 19)}$`, "m"));
  const folder = join(home, "out", "layout");
  assert.equal((await run(home, "--reference", reference, "--output", folder, "--folder")).exitCode, 0);
  assert.deepEqual(readdirSync(folder).sort(), ["blobs", "index.json", "manifest.json", "oci-layout"]);
  const again = await run(home, "--reference", reference, "--output", folder, "--folder");
  assert.match(again.all, /layout: is there already/);
  assert.deepEqual(readdirSync(join(home, "out")).sort(), ["layout", "x.tar"]);
});

test("a layer that the registry does not have, or has wrongly, leaves no file", async (t) => {
  await using registry = await startFakeRegistry();
  const home = homeOf(t, registry);
  pushed(registry, "starter-cpu");
  const layer = digestOf(zstdCompressSync(tar));
  const stored = registry.content.get(`blobs/${layer}`);
  assert.ok(stored);
  registry.content.set(`blobs/${layer}`, { ...stored, bytes: Buffer.alloc(stored.bytes.length, "y") });
  const { all, exitCode } = await run(home);
  assert.equal(exitCode, 1);
  assert.match(all, /has the digest sha256:\w+\. The registry's storage or a proxy on the way is damaged/);
  assert.deepEqual(readdirSync(join(home, "exports")), []);
});
