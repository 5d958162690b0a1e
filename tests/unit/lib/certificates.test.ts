import assert from "node:assert/strict";
import { test } from "node:test";
import { additionalCertificates } from "../../../lib/certificates.ts";

const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;

test("only what is not known already is left, whatever its line breaks", () => {
  const bundle = `# a comment\n${pem("AAAA\nBBBB")}\n${pem("CCCC")}\n${pem("DDDD")}\n`;
  assert.equal(additionalCertificates(bundle, [pem("AAAABBBB"), `x\n${pem("DDDD")}`]), `${pem("CCCC")}\n`);
});

test("nothing is left of a bundle of public authorities", () => {
  assert.equal(additionalCertificates(pem("AAAA"), [pem("AAAA")]), undefined);
  assert.equal(additionalCertificates("", []), undefined);
});

test("several that were added stay in their order", () => {
  const bundle = [pem("AAAA"), pem("BBBB"), pem("CCCC")].join("\n");
  assert.equal(additionalCertificates(bundle, [pem("BBBB")]), `${pem("AAAA")}\n${pem("CCCC")}\n`);
  assert.equal(additionalCertificates(bundle, ["no certificate"]), `${bundle}\n`);
});
