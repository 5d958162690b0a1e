import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedCommit } from "../../../../lib/import/published-commit.ts";

const project = (version: string, name = "a-node") => `[project]\nname = "${name}"\nversion = "${version}"\n`;
const history = [
  { commit: "f", time: 60000, text: project("1.2.0") },
  { commit: "e", time: 50000, text: project("1.1.0") },
  { commit: "d", time: 40000, text: project("1.1.0") },
  { commit: "c", time: 30000, text: project("1.1.0") },
  { commit: "b", time: 20000, text: "[" },
  { commit: "a", time: 10000, text: undefined },
];
const found = (version: string, at?: number, name = "a-node") =>
  publishedCommit(history, { name, version, at });

test("a version is the last commit with it before it was published", () => {
  assert.equal(found("1.1.0", 35000), "c");
  assert.equal(found("1.1.0", 41000), "d");
  assert.equal(found("1.2.0", 90000), "f");
  // A clock that is some minutes off.
  assert.equal(found("1.1.0", 29500), "c");
});

test("where nobody knows when, it is the first commit with it; `2.5` and `2.5.0` are one", () => {
  assert.equal(found("1.1"), "c");
  assert.equal(found("1.1.0", 10), "c");
  assert.equal(found("3.0"), undefined);
  assert.equal(found("1.1.0", 35000, "A-Node"), "c");
});

test("a repository that holds another node by now has none of its versions", () => {
  assert.equal(found("1.1.0", 35000, "other"), undefined);
});
