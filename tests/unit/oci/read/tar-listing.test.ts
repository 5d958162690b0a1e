import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { LARGEST_TEXT } from "../../../../lib/secrets.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { listTar } from "../../../../oci/read/tar-listing.ts";
import { auditImage } from "../../../../tools/commands/audit/read-image.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { type Member, makeTar } from "../support/tar.ts";

const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQy"}\n`;
const list = async (members: Member[]) => (await listTar(Readable.from([await makeTar(members)]))).entries;

test("members keep path, type, mode, owner and link target", async () => {
  const entries = await list([
    { name: "./", type: "directory" },
    { name: "usr/lib/", type: "directory", mode: 0o2755, uid: 1, gid: 2 },
    { name: "usr/bin/su", mode: 0o4755, content: "x" },
    { name: "usr/bin/link", type: "symlink", linkname: "/usr/bin/su", mode: 0o777 },
    { name: "usr/bin/hard", type: "link", linkname: "usr/bin/su" },
    { name: "dev/null", type: "character-device", mode: 0o666, devmajor: 1, devminor: 3 },
  ]);
  const owner = { uid: 0, gid: 0 };
  assert.deepEqual(entries, [
    { path: "", type: "directory", size: 0, mode: 0o755, ...owner },
    { path: "usr/lib", type: "directory", size: 0, mode: 0o2755, uid: 1, gid: 2 },
    { path: "usr/bin/su", type: "file", size: 1, mode: 0o4755, ...owner },
    { path: "usr/bin/link", type: "symlink", size: 0, mode: 0o777, ...owner, linkTarget: "/usr/bin/su" },
    { path: "usr/bin/hard", type: "hardlink", size: 0, mode: 0o644, ...owner, linkTarget: "usr/bin/su" },
    { path: "dev/null", type: "device", size: 0, mode: 0o666, ...owner },
  ]);
});

test("what is no file has no content, whatever its name; pipes and both kinds of device are told apart", async () => {
  const entries = await list([
    { name: "lib/libcudart.so.13", type: "symlink", linkname: "libcudart.so.13.0" },
    { name: "etc/file", content: "x", linkname: "etc/other" },
    { name: "run/pipe", type: "fifo" },
    { name: "dev/sda", type: "block-device", devmajor: 8, devminor: 0 },
  ]);
  assert.deepEqual(
    entries.map(({ type, sha256, linkTarget }) => [type, sha256, linkTarget]),
    [
      ["symlink", undefined, "libcudart.so.13.0"],
      ["file", undefined, undefined],
      ["fifo", undefined, undefined],
      ["device", undefined, undefined],
    ],
  );
});

test("the source is let go in any case", async () => {
  const tar = await makeTar([{ name: "a", content: Buffer.alloc(5000) }]);
  const source = new PassThrough({ autoDestroy: false });
  source.end(tar);
  await listTar(source);
  assert.ok(source.destroyed);
  const damaged = new PassThrough({ autoDestroy: false });
  damaged.end(Buffer.alloc(600, "x"));
  await assert.rejects(listTar(damaged));
  assert.ok(damaged.destroyed);
});

test("large files and CUDA libraries are hashed, others are not", async () => {
  const large = Buffer.alloc(1_000_001, "x");
  const entries = await list([
    { name: "large", content: large },
    { name: "small", content: "x" },
    { name: "lib/libcudart.so.13", content: "x" },
    { name: "empty" },
  ]);
  const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
  assert.deepEqual(
    entries.map((entry) => entry.sha256),
    [sha256(large), undefined, sha256("x"), undefined],
  );
});

test("secrets are seen in small text files alone", async () => {
  const entries = await list([
    { name: "etc/key.pem", content: KEY },
    { name: "etc/binary", content: `\0${KEY}` },
    { name: "etc/large", content: KEY + " ".repeat(1_000_000) },
    { name: "etc/largest", content: KEY.padEnd(LARGEST_TEXT) },
  ]);
  assert.deepEqual(
    entries.map(({ secrets }) => secrets),
    [["private key"], undefined, undefined, ["private key"]],
  );
});

test("long names, and a tar that breaks off", async () => {
  const name = `${"folder/".repeat(40)}file`;
  assert.equal((await list([{ name, content: "x" }]))[0]?.path, name);
  const tar = await makeTar([{ name: "a", content: Buffer.alloc(5000) }]);
  await assert.rejects(listTar(Readable.from([tar.subarray(0, 1500)])), /Unexpected end of data/);
});

test("an error of the source is the error of the listing", async () => {
  const tar = await makeTar([{ name: "a", content: Buffer.alloc(5000) }]);
  async function* broken() {
    yield tar.subarray(0, 1500);
    throw new Error("the network is gone");
  }
  await assert.rejects(listTar(Readable.from(broken())), /the network is gone/);
});

test("a second audit reads only the layers that changed", async () => {
  await using registry = await startFakeRegistry();
  const cache = await mkdtemp(join(tmpdir(), "strata-audit-"));
  try {
    const mediaType = "application/vnd.oci.image.layer.v1.tar+zstd";
    const layer = async (name: string, mode = 0o644) => ({
      mediaType,
      bytes: zstdCompressSync(await makeTar([{ name, content: "x", mode }])),
    });
    const [base, torch, app] = [await layer("etc/base"), await layer("opt/torch"), await layer("opt/app")];
    registry.image("one", [base, torch, app]);
    registry.image("two", [base, torch, await layer("opt/app", 0o4755)]);
    const run = async (tag: string) => {
      const outcomes: string[] = [];
      const progress = {
        image() {},
        bytes() {},
        layer: (_: number, __: unknown, outcome: string) => outcomes.push(outcome),
      };
      const transport = new Transport({ dockerConfig: cache });
      const report = await auditImage(`${registry.host}/${REPOSITORY}:${tag}`, {
        cache,
        transport,
        progress,
      });
      return { outcomes: outcomes.toSorted(), report };
    };
    const first = await run("one");
    assert.deepEqual(first.outcomes, ["read", "read", "read"]);
    assert.equal(first.report.verdict, "pass");
    const second = await run("two");
    assert.deepEqual(second.outcomes, ["kept", "kept", "read"]);
    assert.deepEqual(
      second.report.findings.map(({ code }) => code),
      ["set-uid"],
    );
    // Listings that another version wrote, or that are damaged, are read anew.
    for (const [index, name] of (await readdir(cache)).entries()) {
      const path = join(cache, name);
      const kept = await readFile(path, "utf8");
      await writeFile(
        path,
        index % 2 === 0 ? kept.replace(/"version":[0-9]+/, '"version":0') : kept.slice(0, 50),
      );
    }
    assert.deepEqual((await run("one")).outcomes, ["read", "read", "read"]);
    assert.deepEqual((await run("one")).outcomes, ["kept", "kept", "kept"]);
  } finally {
    await rm(cache, { recursive: true });
  }
});
