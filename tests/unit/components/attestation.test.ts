import assert from "node:assert/strict";
import { test } from "node:test";
import { Attestation, type AttestationArgs } from "../../../components/attestation.ts";
import { inClear, record } from "../../support/mocks.ts";
import { signingPair } from "../../support/signing.ts";

const trust = {
  keys: [],
  identities: [{ identity: "https://x", issuer: "https://y" }],
  predicates: ["sbom" as const],
};

async function inputsOf(more: Partial<AttestationArgs>) {
  const recording = await record(() => {
    new Attestation("starter-attestation", {
      reference: "registry.test/strata@sha256:1",
      stages: { system: "registry.test/strata@sha256:2" },
      bill: ".strata/bills/x.json",
      evidence: "{}",
      builder: "strata",
      ...more,
    });
  });
  const { inputs } = recording.only("command:local:Command");
  return inputs as { environment: Record<string, string>; triggers: string[] };
}

test("a key is handed over as a secret, and its public name starts the step again", async () => {
  const [one, two] = [signingPair(), signingPair()];
  const inputs = await inputsOf({ sign: { kind: "key", key: one.privateKey } });
  assert.match(JSON.stringify(inputs), /STRATA_SIGN_KEY.*PRIVATE KEY/);
  assert.doesNotMatch(inClear(inputs), /PRIVATE KEY/);
  const { triggers } = inputs;
  const other = await inputsOf({ sign: { kind: "key", key: two.privateKey } });
  assert.notDeepEqual(other.triggers, triggers);
});

test("a key of KMS and whoever signs without one are told by what the setting says, which starts the step again", async () => {
  const kms = { kind: "kms", uri: "awskms:///alias/strata" } as const;
  const { environment, triggers } = await inputsOf({ sign: kms, trust });
  assert.deepEqual(JSON.parse(environment.STRATA_SIGN ?? ""), kms);
  assert.equal(environment.STRATA_TRUST, undefined, "a key knows its own signatures");
  const other = await inputsOf({ sign: { ...kms, uri: "awskms:///alias/other" } });
  assert.notDeepEqual(other.triggers, triggers);
  const keyless = await inputsOf({ sign: { kind: "keyless" }, trust });
  assert.deepEqual(JSON.parse(keyless.environment.STRATA_SIGN ?? ""), { kind: "keyless" });
  assert.deepEqual(JSON.parse(keyless.environment.STRATA_TRUST ?? ""), trust);
});

test("an image of models is told of, and another one is described anew", async () => {
  const inputs = await inputsOf({ library: { reference: "registry.test/strata@sha256:3" } });
  assert.equal(inputs.environment.STRATA_LIBRARY, "registry.test/strata@sha256:3");
  assert.ok(inputs.triggers.includes("registry.test/strata@sha256:3"));
  assert.equal((await inputsOf({})).environment.STRATA_LIBRARY, undefined);
});

test("nothing signs where nothing is set", async () => {
  const { environment, triggers } = await inputsOf({ trust });
  assert.deepEqual(
    Object.keys(environment).filter((name) => /SIGN|TRUST/.test(name)),
    [],
  );
  assert.equal(triggers.length, 3);
});
