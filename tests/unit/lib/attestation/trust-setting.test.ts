import assert from "node:assert/strict";
import { test } from "node:test";
import { signSetting, trustSetting } from "../../../../lib/attestation/trust-setting.ts";

const problems = (result: { success: boolean; error?: { issues: { message: string }[] } }) =>
  result.success ? [] : (result.error?.issues.map(({ message }) => message) ?? []);

test("keys, identities or both are trusted, and nobody is an error", () => {
  assert.deepEqual(problems(trustSetting.safeParse({ keys: ["pem"] })), []);
  const identities = [{ identity: "https://github.com/acme/*", issuer: "https://token.test" }];
  assert.deepEqual(trustSetting.parse({ identities }), {
    keys: [],
    identities,
    predicates: ["sbom", "provenance", "evidence"],
  });
  for (const nobody of [{}, { keys: [] }, { identities: [] }])
    assert.deepEqual(problems(trustSetting.safeParse(nobody)), [
      "expected keys or identities: nobody is trusted otherwise",
    ]);
  assert.equal(
    trustSetting.safeParse({ identities: [{ identity: "x" }] }).success,
    false,
    "an identity needs its issuer",
  );
});

test("what signs is a key, a file, a key of KMS or this run's identity, and nothing between", () => {
  const good = [
    { kind: "key", key: "pem" },
    { kind: "key", file: "strata.key" },
    { kind: "kms", uri: "awskms:///alias/strata" },
    { kind: "kms", uri: "awskms://vpce.test/1234" },
    { kind: "keyless" },
    {
      kind: "keyless",
      fulcio: "https://fulcio.test",
      rekor: "https://rekor.test",
      timestamps: "https://tsa.test",
    },
  ];
  for (const setting of good) assert.deepEqual(signSetting.parse(setting), setting);
  const bad = [
    { kind: "kms", uri: "alias/strata" },
    { kind: "kms", uri: "gcpkms://x" },
    { kind: "kms", key: "awskms:///alias/strata" },
    { kind: "keyless", fulcio: "fulcio.test" },
    { kind: "keyless", key: "pem" },
    { kind: "other" },
  ];
  for (const setting of bad)
    assert.equal(signSetting.safeParse(setting).success, false, JSON.stringify(setting));
});
