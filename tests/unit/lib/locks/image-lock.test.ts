import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import {
  baseImageNamed,
  type LockedImage,
  parseImageLock,
  parseLocalImages,
} from "../../../../lib/locks/image-lock.ts";
import { parseReference } from "../../../../oci/references.ts";

const digest = `sha256:${"a".repeat(64)}`;
const entry: LockedImage = {
  reference: "docker.io/library/debian:bookworm-slim",
  digest,
  python: "3.11",
  suite: "bookworm",
  licences: "Debian",
  source: "looked up",
};
const parse = (value: unknown) => parseImageLock(JSON.stringify(value));

test("a lock comes back as it was", () => {
  assert.deepEqual(parse({ debian: entry }), { debian: entry });
  const { suite: _, ...without } = entry;
  assert.deepEqual(parse({ ubuntu: without }), { ubuntu: without });
});

test("nothing is used without a digest, a host and a tag", () => {
  for (const [change, problem] of [
    [{ digest: "latest" }, /locks\/images\.json: debian\.digest: .*a digest is sha256:/],
    [{ digest: `${digest}0` }, /debian\.digest/],
    [{ reference: "debian:bookworm-slim" }, /debian\.reference: .*expected host\/repository:tag/],
    [{ reference: "docker.io/library/debian" }, /debian\.reference/],
    [{ reference: ` ${entry.reference}` }, /debian\.reference/],
    [{ reference: `${entry.reference} ` }, /debian\.reference/],
    [{ digest: `x${digest}` }, /debian\.digest/],
    [{ python: "3.9" }, /debian\.python: .*3\.11/],
    [{ suite: "buster" }, /debian\.suite: .*bookworm/],
    [{ licences: undefined }, /debian\.licences/],
    [{ licenses: "Debian" }, /debian\.licenses/],
  ] as const) {
    assert.throws(() => parse({ debian: { ...entry, ...change } }), problem, JSON.stringify(change));
  }
});

test("all mistakes are told together", () => {
  assert.throws(
    () => parse({ one: { ...entry, digest: "x" }, two: { ...entry, python: "2" } }),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.deepEqual(
        error.errors.map(({ path }) => path),
        ["locks/images.json: one.digest", "locks/images.json: two.python"],
      );
      return true;
    },
  );
});

test("what is not JSON says so with its path", () => {
  assert.throws(
    () => parseImageLock("{", "locks/images.json"),
    /^UserError: locks\/images\.json: is not JSON: /,
  );
  assert.throws(
    () => parseLocalImages("[", "home/images.json"),
    /^UserError: home\/images\.json: is not JSON: /,
  );
  assert.throws(() => parseLocalImages('{"a": 1}', "home/images.json"), /home\/images\.json: a: /);
});

test("a base is used by digest; one that was made on this machine comes first", () => {
  const lock = { debian: entry };
  assert.deepEqual(baseImageNamed("debian", lock, {}), {
    name: "debian",
    reference: `docker.io/library/debian:bookworm-slim@${digest}`,
    python: "3.11",
  });
  const local = `127.0.0.1:5000/base@${digest}`;
  assert.equal(baseImageNamed("debian", lock, { debian: local }).reference, local);
  assert.equal(
    baseImageNamed("debian", lock, { ubuntu: local }).reference,
    `docker.io/library/debian:bookworm-slim@${digest}`,
  );
});

test("an unknown base names those that exist and the likely one", () => {
  const lock = { "debian-bookworm": entry, "ubuntu-24.04": entry };
  assert.throws(
    () => baseImageNamed("debian-bokworm", lock, {}),
    /strata:base: expected one of debian-bookworm, ubuntu-24\.04, got "debian-bokworm"\. Did you mean "debian-bookworm"\?/,
  );
  assert.throws(() => baseImageNamed("alpine", lock, {}), /Add it to locks\/images\.json, with its digest\./);
});

test("the repository's own lock is right, and each base can be referred to", () => {
  const lock = parseImageLock(readFileSync(join(repository, "locks", "images.json"), "utf8"));
  assert.ok("debian-bookworm" in lock);
  for (const [name, { digest: pinned }] of Object.entries(lock)) {
    assert.equal(parseReference(baseImageNamed(name, lock, {}).reference).digest, pinned);
  }
});
