import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { trustedAuthority } from "../../../../oci/access/authority.ts";
import { keepAuthority } from "../../../../oci/access/logins.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** Lets `replacement` stand for what tells Node of authorities. */
function replace(t: TestContext, replacement: unknown): void {
  const before = tls.setDefaultCACertificates;
  const set = (to: unknown) => {
    Object.assign(tls, { setDefaultCACertificates: to });
    syncBuiltinESMExports();
  };
  set(replacement);
  t.after(() => set(before));
}

test("Node is told once of an authority, beside those that it trusts anyway", async (t) => {
  const folder = temporaryFolder(t);
  const told: string[][] = [];
  replace(t, (all: string[]) => told.push(all));
  assert.equal(trustedAuthority(folder, "r.invalid"), false);
  assert.deepEqual(told, []);
  const pem = randomUUID();
  await keepAuthority(folder, "r.invalid", pem);
  await keepAuthority(folder, "same.invalid", pem);
  for (const registry of ["r.invalid", "r.invalid", "same.invalid"])
    assert.equal(trustedAuthority(folder, registry), true);
  assert.deepEqual(told, [[...tls.getCACertificates("default"), pem]]);
});

test("a Node that cannot be told is too old, and nothing is trusted by mistake", async (t) => {
  const folder = temporaryFolder(t);
  await keepAuthority(folder, "r.invalid", randomUUID());
  replace(t, undefined);
  for (const _ of ["first", "again"])
    assert.throws(() => trustedAuthority(folder, "r.invalid"), /cannot be told of it.*NODE_EXTRA_CA_CERTS/);
});
