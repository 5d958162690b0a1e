import assert from "node:assert/strict";
import { test } from "node:test";
import { hubPage, hubUrl, isCommit, parseHubUrl } from "../../../../lib/lock-making/hub-address.ts";

test("only a file's own address on the hub is one", () => {
  const at = (path: string, host = "huggingface.co") => parseHubUrl(`https://${host}/${path}`);
  assert.deepEqual(at("o/n/resolve/refs%2Fpr%2F1/a/b.bin"), {
    repository: "o/n",
    revision: "refs/pr/1",
    path: "a/b.bin",
  });
  for (const kind of ["datasets", "spaces"])
    assert.equal(at(`${kind}/o/n/resolve/main/a`)?.repository, `${kind}/o/n`);
  for (const path of [
    "o/n/resolve/main/",
    "o/n/resolve/main",
    "o/resolve/main/a",
    "models/o/n/resolve/main/a",
    "",
  ])
    assert.equal(at(path), undefined, path);
  assert.equal(at("o/n/resolve/main/a", "huggingface.co.example.org"), undefined);
});

test("addresses and pages of a repository", () => {
  const file = { repository: "o/n", revision: "main", path: "a" };
  assert.equal(hubUrl(file), "https://huggingface.co/o/n/resolve/main/a");
  assert.equal(hubUrl(file, "http://m//"), "http://m/o/n/resolve/main/a");
  assert.equal(hubPage("o/n"), "https://huggingface.co/o/n");
});

test("a commit is forty digits, a branch that holds some is none", () => {
  assert.ok(isCommit("0123456789abcdef0123456789abcdef01234567"));
  for (const other of ["main", "a".repeat(39), "a".repeat(41), `x${"a".repeat(40)}`, "A".repeat(40)])
    assert.ok(!isCommit(other), other);
});
