/** Audits images in a real registry, as a user does. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { execa } from "execa";
import { homeAt } from "../../home.ts";
import { AuditReport, LABELS } from "../../lib/audit/findings.ts";
import { Transport } from "../../oci/access/transport.ts";
import { MANIFEST_TYPE } from "../../oci/manifest.ts";
import { imageExists } from "../../oci/read/image.ts";
import { listTags } from "../../oci/read/tag-list.ts";
import { putBlob, putManifest } from "../../oci/write/put.ts";
import { makeTar } from "../unit/oci/support/tar.ts";
import { startRegistry } from "./support/registry.ts";

const repository = `strata-test/audit-${process.pid}`;
const TAR = "application/vnd.oci.image.layer.v1.tar";

test("npm run audit passes a sound image and fails a broken one", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "strata-audit-"));
  const home = homeAt(root);
  const { address: registry, stop } = await startRegistry(home);
  t.after(async () => {
    await stop();
    await rm(root, { recursive: true });
  });
  const transport = new Transport({ logins: home.logins });
  const base = {
    mediaType: `${TAR}+gzip`,
    bytes: gzipSync(await makeTar([{ name: "etc/base", content: "1" }])),
  };
  const stage = async (name: string) => ({
    mediaType: `${TAR}+zstd`,
    bytes: zstdCompressSync(await makeTar([{ name, content: "2" }])),
  });
  await push(transport, registry, "sound", [base, await stage("opt/app")]);
  await push(transport, registry, "broken", [base, await stage("etc/base")]);
  const audit = (tag: string, ...options: string[]) =>
    execa("node", ["tools/commands/audit.ts", `${registry}/${repository}:${tag}`, ...options], {
      reject: false,
      env: { STRATA_HOME: root },
    });

  const sound = await audit("sound", "--json");
  assert.equal(sound.exitCode, 0, sound.stderr);
  const report = AuditReport.parse(JSON.parse(sound.stdout));
  assert.deepEqual(
    report.layers.map(({ stage: name }) => name),
    ["system", "app"],
  );
  assert.deepEqual(report.findings, []);

  const broken = await audit("broken");
  assert.equal(broken.exitCode, 1, broken.stderr);
  assert.match(broken.stdout, /Paths in two layers \(1.*\n {2}layer 2 \/etc\/base/);
  assert.match(broken.stdout.trimEnd().split("\n").at(-1) ?? "", /✖ audit failed: 1 broken/);
  assert.match(broken.stderr, /layer 1 of 2: .* known already/);

  const absent = await audit("absent");
  assert.equal(absent.exitCode, 2);
  assert.match(absent.stderr, /audit-[0-9]+:absent.*404/);
  assert.equal(absent.stdout, "");
  assert.equal((await audit("sound", "--budget", "1 B")).exitCode, 1);
  assert.equal((await audit("sound", "--budget", "much")).exitCode, 2);

  assert.equal(await imageExists(`${registry}/${repository}:sound`, transport), true);
  assert.deepEqual((await listTags(`${registry}/${repository}`, transport)).toSorted(), ["broken", "sound"]);
});

interface Blob {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

async function push(
  transport: Transport,
  registry: string,
  tag: string,
  layers: readonly Blob[],
): Promise<void> {
  const target = { registry, repository };
  const config = { architecture: "amd64", os: "linux", config: { Labels: { [LABELS.layers]: '["app"]' } } };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: await putBlob(transport, target, {
      mediaType: "application/vnd.oci.image.config.v1+json",
      bytes: Buffer.from(JSON.stringify({ ...config, rootfs: { type: "layers", diff_ids: [] } })),
    }),
    layers: await Promise.all(layers.map((layer) => putBlob(transport, target, layer))),
  });
  await putManifest(transport, target, tag, { mediaType: MANIFEST_TYPE, bytes: Buffer.from(manifest) });
}
