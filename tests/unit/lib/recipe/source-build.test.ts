import assert from "node:assert/strict";
import { test } from "node:test";
import { gitAddress } from "../../../../lib/recipe/source-build.ts";
import { commitOf } from "../../../support/nodes.ts";

test("an address for the builder ends in .git, has the full commit, and leaves submodules to pins of their own", () => {
  const commit = commitOf("x");
  for (const location of [
    "https://example.org/x/y",
    "https://example.org/x/y.git",
    "https://example.org/x/y/",
  ]) {
    assert.equal(
      gitAddress({ location, commit }),
      `https://example.org/x/y.git?ref=${commit}&submodules=false`,
    );
  }
});
