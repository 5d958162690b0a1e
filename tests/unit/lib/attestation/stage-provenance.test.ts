import assert from "node:assert/strict";
import { test } from "node:test";
import { buildVersions, stageProvenance } from "../../../../lib/attestation/stage-provenance.ts";

/** As BuildKit 0.31.1 wrote it of a small build, shortened. */
const written = {
  buildDefinition: {
    buildType: "https://github.com/moby/buildkit/blob/master/slsa-definitions.md",
    externalParameters: {
      configSource: {},
      request: { frontend: "dockerfile.v0", compatibilityVersion: 30 },
    },
    internalParameters: { builderPlatform: "linux/amd64", dockerfileVersion: "1.25.0" },
    resolvedDependencies: [{ uri: "pkg:docker/x", digest: { sha256: "a" } }],
  },
  runDetails: {
    builder: { id: "" },
    metadata: {
      invocationId: "x",
      startedOn: "2026-11-30T02:25:00Z",
      buildkit_metadata: { layers: {}, sysUsage: [{ memoryStat: { total: 1 } }] },
    },
  },
};
const builder = { id: "urn:strata:builder:strata", versions: { buildkit: "v0.31.1" } };
const digest = `sha256:${"a".repeat(64)}`;

test("BuildKit's predicate is about the stage's image, says who built, and nothing of how busy the machine was", () => {
  const { subject, predicate } = stageProvenance("torch", digest, written, builder) ?? assert.fail();
  assert.deepEqual(subject, [{ name: "torch", digest: { sha256: "a".repeat(64) } }]);
  assert.deepEqual(predicate.buildDefinition, written.buildDefinition);
  assert.deepEqual(predicate.runDetails, {
    builder: { id: builder.id, version: builder.versions },
    metadata: { invocationId: "x", startedOn: "2026-11-30T02:25:00Z", buildkit_metadata: { layers: {} } },
  });
  assert.equal(stageProvenance("torch", digest, { something: "else" }, builder), undefined);
});

test("versions are those on which bytes hang, as far as they are said", () => {
  assert.deepEqual(buildVersions(written), { compatibilityVersion: "30", dockerfileVersion: "1.25.0" });
  const { predicate } = stageProvenance("torch", digest, written, builder) ?? assert.fail();
  assert.equal(buildVersions(predicate).BuildKit, "v0.31.1");
  assert.deepEqual(buildVersions({}), {});
});
