/** Images out of a real registry into files, and into real engines: old, new and podman. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../home.ts";
import type { Compression } from "../../lib/registry/compression.ts";
import { compressionOf } from "../../oci/manifest.ts";
import { readImage } from "../../oci/read/image.ts";
import { type Engine, startEngine, whyNoEngine } from "./support/engine.ts";
import { clearPodman, makePodman, whyNoPodman } from "./support/podman.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-export-"));
let stack: TestStack;
/** References by digest. */
const built = { zstd: "", gzip: "" };
/** Archives of them; the third is of zstd, packed anew. */
const files = { zstd: join(folder, "z.tar"), gzip: join(folder, "g.tar"), repacked: join(folder, "r.tar") };

const pack = async (compression: Compression | undefined) => {
  stack.edit("variant.json", JSON.stringify(compression ? { compression } : {}));
  return await stack.up();
};
const strata = (
  command: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) =>
  execa(process.execPath, [`tools/commands/${command}.ts`, ...words], {
    cwd: repository,
    env: { STRATA_HOME: stack.home.root, ...environment },
    reject: false,
    all: true,
    stdin: "ignore",
  });
const read = ["--user", "0:0", "--entrypoint", "cat"] as const;
/** A start that ends at once and well. */
const start = ["--", "--user", "0:0", "--entrypoint", "true", "--network", "none"] as const;
const value = "/opt/b/from-a";

before(async () => {
  stack = await openTestStack();
});
after(async () => {
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a stack that wants gzip gets nothing else, beside one of zstd on the same builder and in the same repository", async () => {
  const gzip = await pack({ kind: "gzip", level: 6 });
  const zstd = await pack(undefined);
  const again = await pack({ kind: "gzip", level: 6 });
  Object.assign(built, { zstd: zstd.reference, gzip: gzip.reference });
  const kinds = async (reference: string) => [
    ...new Set((await readImage(reference)).layers.map(({ mediaType }) => compressionOf(mediaType))),
  ];
  assert.deepEqual(await kinds(built.gzip), ["gzip"]);
  assert.deepEqual(await kinds(built.zstd), ["zstd"]);
  const unpacked = async (reference: string) => (await readImage(reference)).config.rootfs?.diff_ids;
  assert.deepEqual(await unpacked(built.gzip), await unpacked(built.zstd));
  for (const [name, { key, digest }] of Object.entries(zstd.stages)) {
    assert.notEqual(gzip.stages[name]?.key, key, name);
    assert.notEqual(gzip.stages[name]?.digest, digest, name);
  }
  // Each has its own tags: neither moved the other's.
  assert.equal(again.reference, gzip.reference);
  const digests = ({ stages }: StackUpdate) =>
    Object.fromEntries(Object.entries(stages).map(([name, { digest }]) => [name, digest]));
  assert.deepEqual(digests(again), digests(gzip));
});

test("a product bears the time of its commit, and its layers keep theirs", async () => {
  const { config } = await readImage(built.zstd);
  assert.equal(config.created, "2026-01-01T00:00:00Z");
  assert.equal(config.config?.Labels?.["org.opencontainers.image.created"], "2026-01-01T00:00:00.000Z");
});

test("export: a file of each, with the registry's digests unless it packs anew", async () => {
  const wanted = [
    [files.zstd, built.zstd, []],
    [files.gzip, built.gzip, []],
    [files.repacked, built.zstd, ["--gzip"]],
  ] as const;
  for (const [file, reference, more] of wanted) {
    const ended = await strata("export", ["--reference", reference, "--output", file, ...more]);
    assert.equal(ended.exitCode, 0, ended.all);
    assert.equal(ended.stdout, file);
    const { manifests } = JSON.parse((await execa("tar", ["-xOf", file, "index.json"])).stdout);
    const isSame = manifests[0].digest === reference.split("@")[1];
    assert.equal(isSame, more.length === 0, ended.all);
  }
  assert.deepEqual(readdirSync(folder).sort(), ["g.tar", "r.tar", "z.tar"]);
});

/** Loads an archive and reads a file in a container of it. */
async function loadAndRun({ docker }: Pick<Engine, "docker">, file: string) {
  const loaded = await docker("load", "--input", file);
  const name = /Loaded image: (\S+)/.exec(loaded.stdout)?.[1];
  if (!name) return { loaded: loaded.all ?? "" };
  const run = await docker("run", "--rm", "--network", "none", ...read, name, value);
  const made = await docker("image", "inspect", "--format", "{{.Created}}", name);
  await docker("image", "rm", "--force", name);
  return { name, output: run.all, made: made.stdout };
}

/** Asks the containerd of an engine, which lives in a root of its own. */
function containerd({ environment }: Engine, ...words: readonly string[]) {
  const folder = dirname(environment.DOCKER_HOST.replace("unix://", ""));
  const pid = readFileSync(join(folder, "pid"), "utf8").trim();
  const socket = "/run/docker/containerd/containerd.sock";
  const ctr = ["ctr", "--address", socket, "--namespace", "strata", "images", ...words];
  return execa("nsenter", ["--target", pid, "--mount", "--root", ...ctr], { all: true, reject: false });
}

const skip = whyNoEngine() ?? false;

test("Docker 26.1 loads and runs zstd, gzip and what was packed anew, and says when it was made", {
  skip,
}, async () => {
  await using engine = await startEngine("trixie");
  for (const file of Object.values(files)) {
    const { name, output, made, loaded } = await loadAndRun(engine, file);
    assert.equal(output, "1", loaded);
    assert.match(name ?? "", /^one:[0-9a-f]{12}$/);
    assert.match(made ?? "", /^2026-01-01T00:00:00Z/);
  }
  // As `make run` does it: out of the local registry.
  const run = await strata("run", ["--reference", built.zstd, ...start], engine.environment);
  assert.match(
    run.all,
    /^docker run --rm -p 8080:8080 --user 0:0 --entrypoint true --network none 127\.0\.0\.1:\d+\/one@sha256:/m,
  );
  assert.equal(run.exitCode, 0, run.all);
  assert.match(
    (await engine.docker("version", "--format", "{{.Server.Version}}")).stdout,
    new RegExp(`^${engine.version}`),
  );
  // The containerd behind it reads the same files, and has the registry's digest then.
  for (const [file, reference] of [
    [files.zstd, built.zstd],
    [files.gzip, built.gzip],
  ] as const) {
    const imported = await containerd(engine, "import", file);
    const digest = reference.split("@")[1] ?? "";
    assert.match(
      imported.all,
      new RegExp(`docker\\.io/library/one:[0-9a-f]{12} \\(${digest}\\)\\.\\.\\.done`),
    );
  }
});

test("Docker 20.10 runs gzip; zstd is refused before it is pulled, with the reason and the way out", {
  skip,
}, async () => {
  await using engine = await startEngine("bookworm");
  for (const file of [files.gzip, files.repacked]) {
    const { output, loaded } = await loadAndRun(engine, file);
    assert.equal(output, "1", loaded);
  }
  // What it says itself, and why we say it first.
  assert.match((await loadAndRun(engine, files.zstd)).loaded ?? "", /invalid tar header/);
  const refused = await strata("run", ["--reference", built.zstd, ...start], engine.environment);
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.all,
    /docker 20\.10\S* ?cannot read layers packed with zstd: Docker can since 23\.0\. .*--gzip/,
  );
  assert.equal((await engine.docker("image", "ls", "--quiet")).stdout, "");
  const taken = await strata("run", ["--reference", built.gzip, ...start], engine.environment);
  assert.equal(taken.exitCode, 0, taken.all);
});

test("podman loads each as an archive, and the layout as a folder", {
  skip: whyNoPodman() ?? false,
}, async () => {
  const podman = makePodman(join(folder, "podman"));
  const call = (...words: string[]) => execa(podman, words, { all: true, reject: false });
  try {
    for (const file of Object.values(files)) {
      const loaded = await call("load", "--input", file);
      const name = /Loaded image: (\S+)/.exec(loaded.all)?.[1] ?? "";
      assert.match(name, /\/one:[0-9a-f]{12}$/, loaded.all);
      const run = await call("run", "--rm", "--network", "none", ...read, name, value);
      assert.equal(run.stdout, "1", run.all);
      await call("image", "rm", "--force", name);
    }
    // podman calls it by its path, in which it takes no capitals.
    const layout = join(tmpdir(), `strata-layout-${process.pid}`);
    const written = await strata("export", ["--reference", built.zstd, "--output", layout, "--folder"]);
    assert.equal(written.exitCode, 0, written.all);
    const loaded = await call("load", "--input", layout);
    rmSync(layout, { recursive: true, force: true });
    assert.equal(loaded.exitCode, 0, loaded.all);
    assert.match(loaded.all, /Loaded image: localhost\/.*\/strata-layout-\d+/);
  } finally {
    clearPodman(join(folder, "podman"));
  }
});
