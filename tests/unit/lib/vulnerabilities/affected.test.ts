import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedVersion, isAffected } from "../../../../lib/vulnerabilities/affected.ts";
import { osvRecordSchema } from "../../../../lib/vulnerabilities/osv-record.ts";

const asked = (ecosystem: string, name: string, version: string) =>
  ({ kind: "package", ecosystem, name, version }) as const;

const recordOf = (ecosystem: string, name: string, events: object[], more: object = {}) =>
  osvRecordSchema.parse({
    id: "X-1",
    affected: [{ package: { ecosystem, name }, ranges: [{ type: "ECOSYSTEM", events }], ...more }],
  });

test("a version is in a range from where it begins to before it is mended", () => {
  const record = recordOf("PyPI", "Pillow", [
    { introduced: "2.0" },
    { fixed: "2.5" },
    { introduced: "3.0rc1" },
    { fixed: "3.2" },
  ]);
  const at = (version: string) => isAffected(record, asked("PyPI", "pillow", version));
  assert.deepEqual(["1.9", "2.0", "2.4.9", "2.5", "2.10", "3.0rc1", "3.0", "3.2"].map(at), [
    false,
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
  assert.equal(fixedVersion(record, asked("PyPI", "pillow", "2.1")), "2.5");
  assert.equal(fixedVersion(record, asked("PyPI", "pillow", "3.0")), "3.2");
});

test("the last affected version is affected, what comes after it is not", () => {
  const record = recordOf("PyPI", "wheel", [{ introduced: "0" }, { last_affected: "1.4" }]);
  assert.equal(isAffected(record, asked("PyPI", "wheel", "1.4")), true);
  assert.equal(isAffected(record, asked("PyPI", "wheel", "1.4.1")), false);
  assert.equal(fixedVersion(record, asked("PyPI", "wheel", "1.4")), null);
});

test("Debian's versions are compared by dpkg's rules, and releases are told apart", () => {
  const record = recordOf("Debian:12", "openssl", [{ introduced: "0" }, { fixed: "3.0.15-1~deb12u1" }]);
  assert.equal(isAffected(record, asked("Debian:12", "openssl", "3.0.11-1~deb12u2")), true);
  assert.equal(isAffected(record, asked("Debian:12", "openssl", "3.0.15-1~deb12u1")), false);
  assert.equal(isAffected(record, asked("Debian:12", "openssl", "3.0.15-1")), false);
  assert.equal(isAffected(record, asked("Debian:13", "openssl", "3.0.11-1~deb12u2")), false);
  assert.equal(isAffected(record, asked("Debian:12", "openssl1.1", "3.0.11-1")), false);
});

test("what Debian says was never affected is not: mended in version 0", () => {
  const record = recordOf("Debian:12", "curl", [{ introduced: "0" }, { fixed: "0" }]);
  assert.equal(isAffected(record, asked("Debian:12", "curl", "7.88.1-10")), false);
});

test("a listed version is affected, whatever the ranges say; a withdrawn record tells of nothing", () => {
  const listed = recordOf("PyPI", "x", [], { versions: ["1.0"] });
  assert.equal(isAffected(listed, asked("PyPI", "x", "1.0")), true);
  assert.equal(isAffected(listed, asked("PyPI", "x", "1.1")), false);
  assert.equal(isAffected({ ...listed, withdrawn: "2026-01-01" }, asked("PyPI", "x", "1.0")), false);
});

test("ranges of commits say nothing of versions, but which commit mends", () => {
  const record = osvRecordSchema.parse({
    id: "X-1",
    affected: [
      {
        package: { ecosystem: "PyPI", name: "x" },
        ranges: [{ type: "GIT", events: [{ introduced: "0" }, { fixed: "a".repeat(40) }] }],
      },
    ],
  });
  assert.equal(isAffected(record, asked("PyPI", "x", "1.0")), false);
  assert.equal(fixedVersion(record, asked("PyPI", "x", "1.0")), null);
  assert.equal(fixedVersion(record, { kind: "commit", name: "o/x", commit: "b".repeat(40) }), "a".repeat(12));
});

test("Go's modules are compared as they are numbered", () => {
  const record = osvRecordSchema.parse({
    id: "GO-1",
    affected: [
      {
        package: { ecosystem: "Go", name: "github.com/a/b" },
        ranges: [{ type: "SEMVER", events: [{ introduced: "0" }, { fixed: "1.10.0" }] }],
      },
    ],
  });
  assert.equal(isAffected(record, asked("Go", "github.com/a/b", "1.9.0")), true);
  assert.equal(isAffected(record, asked("Go", "github.com/a/b", "1.10.0")), false);
});
