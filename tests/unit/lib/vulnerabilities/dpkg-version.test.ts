import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { compareDpkgVersions } from "../../../../lib/vulnerabilities/dpkg-version.ts";

const versions = [
  "0",
  "0~",
  "1.0~rc1-1",
  "1.0-1",
  "1.0-1~deb12u1",
  "1.0-1+deb12u1",
  "1.0-1+b2",
  "1.0-1.1",
  "1.00-1",
  "1.0",
  "1.0-0",
  "1.0a-1",
  "1.0.a-1",
  "1.0+dfsg-1",
  "1.0~~-1",
  "1:0.9-1",
  "2:1.0-1",
  "0:1.0-1",
  "12.2.0-14",
  "12.2.0-14+deb12u1",
  "3.0.11-1~deb12u2",
  "3.0.15-1~deb12u1",
  "1.2.13.dfsg-1",
  "9-20260101123456789012345-1",
  "1.0-2-1",
  "1.0-a",
  "1.0-+",
];

test("versions are ordered as dpkg orders them", (t) => {
  if (spawnSync("dpkg", ["--version"]).status !== 0) return t.skip("no dpkg here");
  const wrong = versions.flatMap((a, at) =>
    versions.slice(at).flatMap((b) => {
      const [own, back] = [compareDpkgVersions(a, b), compareDpkgVersions(b, a)];
      const word = own < 0 ? "lt" : own > 0 ? "gt" : "eq";
      const { status } = spawnSync("dpkg", ["--compare-versions", a, word, b]);
      return status === 0 && Math.sign(own) === -Math.sign(back) ? [] : [`${a} ${word} ${b}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test("a tilde comes before nothing, and a revision counts", () => {
  assert.ok(compareDpkgVersions("3.0.11-1~deb12u2", "3.0.11-1") < 0);
  assert.ok(compareDpkgVersions("1:1.0", "2.0") > 0);
  assert.equal(compareDpkgVersions("1.0-0", "1.0"), 0);
});
