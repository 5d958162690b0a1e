/** The salts are what Pulumi 3.259 wrote for these passphrases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { opensSalt, refuseEmptyPassphrase } from "../../../../lib/plan/stack-salt.ts";

const ofEmpty = "v1:1AIbAox0fC0=:v1:pTWjefPXfHv/h8pi:/Wli0W5WyzsRubCcrjyFBmzxR4XSbw==";
const ofWrong = "v1:pm9OcDmr6JQ=:v1:VvzdqWWuKmuo0tyV:fUffGoSYpTZI3KCm9iermmF9gwS1Nw==";

test("a salt opens with the passphrase that it was made with, and with no other", async () => {
  assert.equal(await opensSalt(ofEmpty, ""), true);
  assert.equal(await opensSalt(ofEmpty, "x"), false);
  assert.equal(await opensSalt(ofWrong, "wrong"), true);
  assert.equal(await opensSalt("v2:whatever", "x"), true, "Pulumi has to say");
});

test("secrets under the empty passphrase are refused; without a secret, or with another keeper, nothing is", async () => {
  const secret = ["strata:registry.password"];
  await assert.rejects(
    refuseEmptyPassphrase("dev", `encryptionsalt: ${ofEmpty}\n`, secret),
    /^UserError: stack dev: strata:registry\.password: encrypted with the empty passphrase, so whoever has Pulumi\.dev\.yaml/,
  );
  await refuseEmptyPassphrase("dev", `encryptionsalt: ${ofEmpty}\n`, []);
  await refuseEmptyPassphrase("dev", `encryptionsalt: ${ofWrong}\n`, secret);
  await refuseEmptyPassphrase("dev", "secretsprovider: awskms://x\n", secret);
  await refuseEmptyPassphrase("dev", "", secret);
});
