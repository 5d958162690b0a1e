/** The salts are what Pulumi 3.259 wrote for these passphrases. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { passphraseRemedy, requirePassphrase } from "../../../../tools/stack/passphrase.ts";
import { temporaryFolder } from "../../support/folder.ts";

const ofEmpty = "v1:1AIbAox0fC0=:v1:pTWjefPXfHv/h8pi:/Wli0W5WyzsRubCcrjyFBmzxR4XSbw==";
const ofWrong = "v1:pm9OcDmr6JQ=:v1:VvzdqWWuKmuo0tyV:fUffGoSYpTZI3KCm9iermmF9gwS1Nw==";

function stackOf(t: TestContext, yaml: string) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "Pulumi.dev.yaml"), yaml);
  return { name: "dev", folder };
}

test("a passphrase of another project is refused, and the variable named", async (t) => {
  const stack = stackOf(t, `encryptionsalt: ${ofEmpty}\n`);
  await assert.rejects(
    requirePassphrase(stack, { PULUMI_CONFIG_PASSPHRASE: "other" }),
    /^UserError: stack dev: does not open with what PULUMI_CONFIG_PASSPHRASE holds; Pulumi\.dev\.yaml was made with the empty passphrase\. .*: unset PULUMI_CONFIG_PASSPHRASE$/,
  );
  const file = join(stack.folder, "passphrase");
  writeFileSync(file, "other\n");
  const named = { PULUMI_CONFIG_PASSPHRASE_FILE: file };
  await assert.rejects(requirePassphrase(stack, named), /what PULUMI_CONFIG_PASSPHRASE_FILE holds;/);
  await requirePassphrase(stack, { ...named, PULUMI_CONFIG_PASSPHRASE: "" });
  await assert.rejects(
    requirePassphrase(stack, { PULUMI_CONFIG_PASSPHRASE_FILE: "/nowhere" }),
    /PULUMI_CONFIG_PASSPHRASE_FILE: names \/nowhere, which cannot be read/,
  );
});

test("the stack's own passphrase is taken, and another is told to be another", async (t) => {
  const stack = stackOf(t, `encryptionsalt: ${ofWrong}\n`);
  const file = join(stack.folder, "passphrase");
  writeFileSync(file, "wrong\n");
  await requirePassphrase(stack, { PULUMI_CONFIG_PASSPHRASE_FILE: file });
  await assert.rejects(
    requirePassphrase(stack, { PULUMI_CONFIG_PASSPHRASE: "x" }),
    /was made with another passphrase\. Export that one\.$/,
  );
});

test("nothing is asked without a passphrase, a salt or a file", async (t) => {
  await requirePassphrase(stackOf(t, `encryptionsalt: ${ofWrong}\n`), {});
  await requirePassphrase(stackOf(t, "secretsprovider: awskms://x\n"), { PULUMI_CONFIG_PASSPHRASE: "x" });
  await requirePassphrase(stackOf(t, ""), { PULUMI_CONFIG_PASSPHRASE: "x" });
  await requirePassphrase({ name: "none", folder: "/nowhere" }, { PULUMI_CONFIG_PASSPHRASE: "x" });
});

test("Pulumi's own words about passphrases get a remedy", () => {
  for (const said of [
    "error: get stack secrets manager: incorrect passphrase",
    "passphrase must be set with …",
  ])
    assert.match(passphraseRemedy(said, "ada") ?? "", /PULUMI_CONFIG_PASSPHRASE .*Pulumi\.ada\.yaml/);
  assert.equal(passphraseRemedy("error: no stack named 'ada' found", "ada"), undefined);
});

test("a secret under the empty passphrase is refused, wherever it stands, and not shown", async (t) => {
  const secret = "config:\n  strata:copies:\n    - password:\n        secure: v1:abc:def\n";
  const open = stackOf(t, `encryptionsalt: ${ofEmpty}\n${secret}`);
  for (const current of [{}, { PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_BACKEND_URL: "s3://bucket" }])
    await assert.rejects(
      requirePassphrase(open, current),
      /^UserError: stack dev: strata:copies\.0\.password: encrypted with the empty passphrase, so whoever has Pulumi\.dev\.yaml can read it\./,
    );
  await requirePassphrase(stackOf(t, `encryptionsalt: ${ofWrong}\n${secret}`), {});
  await requirePassphrase(stackOf(t, `secretsprovider: awskms://x\n${secret}`), {});
  await requirePassphrase(stackOf(t, `encryptionsalt: ${ofEmpty}\nconfig:\n  strata:generation: ada\n`), {});
});
