import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyingKey } from "../../../../../lib/attestation/sigstore-bundle.ts";
import { predicateTypes } from "../../../../../lib/attestation/statement.ts";
import { strangersCommands } from "../../../../../tools/commands/verify/strangers-commands.ts";
import { signingPair } from "../../../../support/signing.ts";

const reference = `ghcr.io/acme/strata@sha256:${"a".repeat(64)}`;
const issuer = "https://token.actions.githubusercontent.com";
const workflow = "https://github.com/acme/strata/.github/workflows/release.yml@refs/heads/main";
const linesOf = (identity: string, by = issuer, root?: string) =>
  strangersCommands(reference, { keys: [], identities: [{ identity, issuer: by }] }, { root }).filter(
    (line) => line.startsWith("  "),
  );

test("with a key cosign alone can check, each statement by its type", () => {
  const keys = [verifyingKey(signingPair().publicKey, "key")];
  const lines = strangersCommands(reference, { keys }, {});
  assert.deepEqual(
    lines.slice(2),
    Object.values(predicateTypes).map(
      (type) =>
        `  cosign verify-attestation --key strata.pub --insecure-ignore-tlog=true --type ${type} ${reference}`,
    ),
  );
});

test("what a run of GitHub's signed is checked by cosign and by gh, of its repository", () => {
  const lines = linesOf(workflow);
  assert.equal(lines.length, 6);
  assert.equal(
    lines[0],
    `  cosign verify-attestation --certificate-identity ${workflow} --certificate-oidc-issuer ${issuer} --type ${predicateTypes.sbom} ${reference}`,
  );
  assert.equal(
    lines[4],
    `  gh attestation verify oci://${reference} --bundle-from-oci --repo acme/strata --cert-identity ${workflow} --predicate-type ${predicateTypes.provenance}`,
  );
});

test("a pattern is a regular expression for both; without a repository the owner is asked for", () => {
  const [cosign = "", , , gh = ""] = linesOf("https://github.com/acme/*");
  const pattern = "'^https:\\/\\/github\\.com\\/acme\\/.*$'";
  assert.ok(cosign.includes(`--certificate-identity-regexp ${pattern} `), cosign);
  assert.ok(gh.includes(`--owner acme --cert-identity-regex ${pattern} `), gh);
});

test("a Sigstore of one's own is named to both, and others' identities are none of gh's", () => {
  const lines = linesOf(workflow, issuer, "root.json");
  assert.ok(
    lines.slice(0, 3).every((line) => line.includes(" --trusted-root root.json ")),
    lines[0],
  );
  assert.ok(
    lines.slice(3).every((line) => line.includes(" --custom-trusted-root root.json ")),
    lines[3],
  );
  for (const [identity, by] of [
    [workflow, "https://accounts.example.org"],
    ["https://gitlab.com/acme/strata", issuer],
    ["https://github.com/*", issuer],
  ] as const)
    assert.ok(linesOf(identity, by).every((line) => line.startsWith("  cosign ")));
});
