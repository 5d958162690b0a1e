import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { additionalCertificates, readCertificates } from "../../../lib/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";

const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;

test("only what is not known already is left, whatever its line breaks", () => {
  const bundle = `# a comment\n${pem("AAAA\nBBBB")}\n${pem("CCCC")}\n${pem("DDDD")}\n`;
  assert.equal(additionalCertificates(bundle, [pem("AAAABBBB"), `x\n${pem("DDDD")}`]), `${pem("CCCC")}\n`);
});

test("nothing is left of a bundle of public authorities", () => {
  assert.equal(additionalCertificates(pem("AAAA"), [pem("AAAA")]), undefined);
  assert.equal(additionalCertificates("", []), undefined);
});

test("certificates: none, a file, and a clear error for a file that is not there", (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "bundle.pem");
  writeFileSync(file, "PEM");
  assert.equal(readCertificates("none"), undefined);
  assert.equal(readCertificates(file), "PEM");
  assert.throws(
    () => readCertificates("/nowhere.pem"),
    /strata:certificates: there is no file \/nowhere\.pem\. Give the path/,
  );
});

test("several that were added stay in their order", () => {
  const bundle = [pem("AAAA"), pem("BBBB"), pem("CCCC")].join("\n");
  assert.equal(additionalCertificates(bundle, [pem("BBBB")]), `${pem("AAAA")}\n${pem("CCCC")}\n`);
  assert.equal(additionalCertificates(bundle, ["no certificate"]), `${bundle}\n`);
});
