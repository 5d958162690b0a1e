import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../../../lib/audit/audit-schema.ts";
import { Tree } from "../../../../lib/audit/file-tree.ts";

const entry = (path: string, type: Entry["type"], more: Partial<Entry> = {}): Entry => ({
  path,
  type,
  size: 1,
  mode: 0o755,
  uid: 0,
  gid: 0,
  ...more,
});

test("what lay below a folder is gone when a file takes the folder's place", () => {
  const tree = new Tree();
  tree.put(entry("opt/a", "directory"), 1);
  tree.put(entry("opt/a/b", "file"), 1);
  tree.put(entry("opt/link", "symlink", { linkTarget: "a/b" }), 1);
  assert.ok(tree.exists("opt/link"));
  tree.put(entry("opt/a", "directory"), 2);
  assert.ok(tree.exists("opt/a/b"), "another layer lists the folder as well");
  tree.put(entry("opt/a", "file"), 3);
  assert.equal(tree.find("opt/a/b"), undefined);
  assert.equal(tree.find("opt/a")?.layer, 3);
  assert.ok(!tree.exists("opt/link"));
});
