import assert from "node:assert/strict";
import { test } from "node:test";
import {
  expandTags,
  joinedImageTag,
  keepTag,
  libraryTag,
  longestTag,
  promotionsTag,
  readStageTag,
  reservedPrefixes,
  stageTag,
} from "../../../../lib/registry/tags.ts";

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

test("a template that becomes too long is an error: its history needs room for a prefix", () => {
  const template = `{commit}${"x".repeat(longestTag - 10)}`;
  assert.throws(() => expandTags([template], values), /becomes "aaaa.*longer than 117 characters/);
  assert.equal(promotionsTag("x".repeat(longestTag)).length, 128);
});

test("our own tags begin with what nobody else may use, and a product's differs from a stage's", () => {
  const key = "0".repeat(20);
  const own = [
    stageTag({ name: "torch", key, role: "stage" }),
    stageTag({ name: "torch", key, role: "product" }),
    keepTag("prod", "torch"),
    promotionsTag("latest"),
  ];
  assert.deepEqual(own, [
    `stage-torch-${key}`,
    `product-torch-${key}`,
    "keep-prod-torch",
    "promotions-latest",
  ]);
  for (const tag of own)
    assert.ok(
      reservedPrefixes.some((prefix) => tag.startsWith(prefix)),
      tag,
    );
});

test("a long stack name still gives each stage a tag of its own, and always the same", () => {
  const stack = "s".repeat(100);
  const tags = ["nodes-video-and-animation", "nodes-video-and-animations"].map((stage) =>
    keepTag(stack, stage),
  );
  assert.deepEqual(
    tags.map(({ length }) => length),
    [128, 128],
  );
  assert.notEqual(tags[0], tags[1]);
  assert.equal(keepTag(stack, "nodes-video-and-animation"), tags[0]);
});

test("an image of models has a product's tag, with twenty digits of its digest", () => {
  const prefix = libraryTag("starter");
  assert.equal(prefix, "product-starter-library");
  const digest = `sha256:${"0123456789".repeat(6)}abcd`;
  assert.equal(joinedImageTag(prefix, digest), "product-starter-library-01234567890123456789");
});

test("exactly the longest tag is taken, and a commit is shortened at its beginning only", () => {
  assert.equal(expandTags(["x".repeat(longestTag)], values)[0]?.length, longestTag);
  assert.throws(() => expandTags(["x".repeat(longestTag + 1)], values), /longer than/);
  assert.deepEqual(expandTags(["{commit}"], { ...values, commit: "b".repeat(12) }), ["b".repeat(12)]);
  assert.equal(keepTag("s".repeat(128 - "keep--torch".length), "torch").endsWith("-torch"), true);
});

test("a working tag says whose it is, in a reference and in an export", () => {
  const key = "0123456789abcdef0123";
  const torch = { repository: "127.0.0.1:5000/strata", name: "torch", key, role: "stage" };
  const target = `127.0.0.1:5000/strata:${stageTag({ ...torch, role: "stage" })}`;
  assert.deepEqual(readStageTag(target), torch);
  assert.deepEqual(readStageTag(`type=registry,name=${target},push=true,compression=zstd`), torch);
  assert.deepEqual(readStageTag(`r/s:${stageTag({ name: "wan22-a", key, role: "product" })}`), {
    repository: "r/s",
    name: "wan22-a",
    key,
    role: "product",
  });
  for (const other of [
    "",
    "r/s:latest",
    `r/s:cache-torch-${key}`,
    `r/s:product-wan22-joined-${key}x`,
    `stage-torch-${key}`,
  ])
    assert.equal(readStageTag(other), undefined, other);
});
