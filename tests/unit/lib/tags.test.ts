import assert from "node:assert/strict";
import { test } from "node:test";
import { expandTags } from "../../../lib/tags.ts";

const values = { recipe: "starter", generation: "ada", commit: `${"a".repeat(40)}-dirty` };

test("templates become tags", () => {
  assert.deepEqual(expandTags(["latest", "{recipe}-{generation}", "sha-{commit}"], values), [
    "latest",
    "starter-ada",
    "sha-aaaaaaaaaaaa-dirty",
  ]);
});

test("an unknown word and a missing commit are errors", () => {
  assert.throws(() => expandTags(["{gen}"], values), /strata:tags: "\{gen\}" names \{gen\}\. Use \{recipe\}/);
  assert.throws(() => expandTags(["{commit}"], { ...values, commit: null }), /needs a commit/);
});
