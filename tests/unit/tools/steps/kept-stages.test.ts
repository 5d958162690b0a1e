import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { temporaryFolder } from "../../support/folder.ts";

const tar = "application/vnd.oci.image.layer.v1.tar";

async function setting(t: TestContext) {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const image = (name: string) =>
    registry.image(`stage-${name}`, [{ mediaType: tar, bytes: Buffer.from(name) }]).digest;
  const STRATA_HOME = temporaryFolder(t);
  const keep = async (digests: Readonly<Record<string, string>>) => {
    registry.requests.length = 0;
    const { exitCode, stderr } = await execa(process.execPath, ["tools/steps/kept-stages.ts"], {
      cwd: repository,
      env: {
        STRATA_HOME,
        DOCKER_CONFIG: STRATA_HOME,
        STRATA_REPOSITORY: `${registry.host}/${REPOSITORY}`,
        STRATA_DIGESTS: JSON.stringify(digests),
      },
      reject: false,
    });
    const puts = registry.requests.filter((request) => request.startsWith("PUT"));
    return { exitCode, stderr, puts };
  };
  return { registry, image, keep };
}

test("each stage gets its tag, and one that has it already is left alone", async (t) => {
  const { registry, image, keep } = await setting(t);
  const digests = { "keep-dev-a": image("a"), "keep-dev-b": image("b") };
  const first = await keep(digests);
  assert.equal(first.exitCode, 0, first.stderr);
  assert.match(first.stderr, /stages in use: 2 of their tags moved/);
  for (const [tag, digest] of Object.entries(digests)) {
    assert.equal(registry.content.get(`manifests/${tag}`), registry.content.get(`manifests/${digest}`));
  }
  const moved = { ...digests, "keep-dev-b": image("c") };
  assert.deepEqual((await keep(moved)).puts, [`PUT /v2/${REPOSITORY}/manifests/keep-dev-b`]);
  assert.deepEqual((await keep(moved)).puts, []);
});

test("a stage that is not there is an error that names it", async (t) => {
  const { keep } = await setting(t);
  const { exitCode, stderr } = await keep({ "keep-dev-a": `sha256:${"0".repeat(64)}` });
  assert.equal(exitCode, 1);
  assert.match(stderr, /sha256:0{64}: registry 127\.0\.0\.1:\d+ answered 404 for the manifest/);
});
