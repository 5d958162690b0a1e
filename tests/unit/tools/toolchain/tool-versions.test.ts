import assert from "node:assert/strict";
import { test } from "node:test";
import { satisfies } from "compare-versions";
import { findVersion } from "../../../../tools/toolchain/tool-versions.ts";

const printed: readonly [string, string | undefined][] = [
  ["v3.259.0", "3.259.0"],
  ["runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1", "1.1.5"],
  ["buildkitd github.com/moby/buildkit v0.31.1 ", "0.31.1"],
  ["/x/registry github.com/distribution/distribution/v3 v3.1.2+unknown", "3.1.2"],
  ["mmdebstrap 1.3.5", "1.3.5"],
  ["go1.26", "1.26.0"],
  ["1.26", "1.26.0"],
  ["nothing here", undefined],
];

for (const [text, version] of printed) {
  test(`the version in ${JSON.stringify(text)} is ${version}`, () => {
    assert.equal(findVersion(text), version);
  });
}

test("a range holds its lower end and not its upper one", () => {
  const range = ">=3.200 <4.0";
  const verdicts = ["3.199.9", "3.200.0", "3.259.0", "4.0.0"].map((text) => {
    const version = findVersion(text);
    return version && satisfies(version, range);
  });
  assert.deepEqual(verdicts, [false, true, true, false]);
});

test("numbers count as numbers, and what cannot be read is no range", () => {
  assert.equal(satisfies("0.9.0", ">=0.25"), false);
  assert.equal(satisfies("0.100.0", ">=0.25"), true);
  assert.throws(() => satisfies("1.0.0", ">=one"), /Invalid argument not valid semver \('>=one' received\)/);
});
