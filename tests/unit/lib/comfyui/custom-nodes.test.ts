import assert from "node:assert/strict";
import { test } from "node:test";
import { gitRepositoryName, nodeFolder } from "../../../../lib/comfyui/custom-nodes.ts";
import { sampleNode } from "../../../support/nodes.ts";

test("a repository is called by its last two parts, with or without .git", () => {
  assert.equal(gitRepositoryName("https://example.org/owner/name.git"), "owner/name");
  assert.equal(gitRepositoryName("git://127.0.0.1:9418/owner/name"), "owner/name");
  assert.equal(gitRepositoryName("https://example.org/owner/name.github.io"), "owner/name.github.io");
});

test("a node's folder is its repository's name, or what the recipe says", () => {
  assert.equal(nodeFolder(sampleNode("owner/pack")), "pack");
  assert.equal(
    nodeFolder(sampleNode("owner/pack", { folder: "other", disabled: "broken" })),
    "other.disabled",
  );
});
