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

test("what a removal takes away is told, with the folder or without", () => {
  const grown = () => {
    const tree = new Tree();
    for (const path of ["opt", "opt/a"]) tree.put(entry(path, "directory"), 1);
    for (const path of ["opt/a/b", "opt/a/c", "opt/d"]) tree.put(entry(path, "file"), 1);
    return tree;
  };
  const tree = grown();
  assert.deepEqual(
    tree.remove("opt/a").map(({ path }) => path),
    ["opt/a", "opt/a/b", "opt/a/c"],
  );
  assert.ok(!tree.exists("opt/a") && tree.exists("opt/d"));
  assert.deepEqual(tree.remove("opt/none"), []);
  const emptied = grown();
  assert.deepEqual(
    emptied.remove("opt/a", true).map(({ path }) => path),
    ["opt/a/b", "opt/a/c"],
  );
  assert.ok(emptied.exists("opt/a") && !emptied.exists("opt/a/b"));
  assert.deepEqual(emptied.remove("opt/a", true), []);
});

test("links are followed as a container follows them: up, from the root, and not for ever", () => {
  const tree = new Tree();
  tree.put(entry("a/b", "directory"), 1);
  tree.put(entry("a/file", "file"), 1);
  const links = {
    "a/b/up": "../file",
    "a/b/here": "./../file",
    "a/b/above": "../../../../a/file",
    "a/b/root": "/a/file",
    "a/b/relative": "a/file",
    "a/b/folder": "/a",
    "a/b/round": "round",
  };
  for (const [path, linkTarget] of Object.entries(links)) tree.put(entry(path, "symlink", { linkTarget }), 1);
  const there = [...Object.keys(links), "a/b/folder/file"].filter((path) => tree.exists(path));
  assert.deepEqual(there, ["a/b/up", "a/b/here", "a/b/above", "a/b/root", "a/b/folder", "a/b/folder/file"]);
  // Forty links are followed, one more is not.
  tree.put(entry("l0", "file"), 1);
  for (let at = 1; at <= 41; at++) tree.put(entry(`l${at}`, "symlink", { linkTarget: `l${at - 1}` }), 1);
  assert.ok(tree.exists("l40") && !tree.exists("l41"));
});

test("an obstacle is the first folder that is in fact something else", () => {
  const tree = new Tree();
  tree.put(entry("usr/lib", "directory"), 1);
  tree.put(entry("usr/lib/link", "symlink", { linkTarget: "x" }), 2);
  assert.equal(tree.obstacle("usr/lib/link/below/it")?.path, "usr/lib/link");
  assert.equal(tree.obstacle("usr/lib/link/below/it")?.node.layer, 2);
  for (const path of ["usr/lib/link", "usr/lib/other/file", "none/at/all"])
    assert.equal(tree.obstacle(path), undefined, path);
});
