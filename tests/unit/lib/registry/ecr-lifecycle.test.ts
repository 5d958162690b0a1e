import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ecrLifecyclePolicy } from "../../../../lib/registry/ecr-lifecycle.ts";
import { keepDigestTag, keepTag, promotionsTag, stageTag } from "../../../../lib/registry/tags.ts";

interface Image {
  readonly tags: readonly string[];
  /** Days since it was pushed. */
  readonly age: number;
}

/**
 * What the policy expires, by ECR's rules of evaluation: all patterns of a rule have to match the image's tags, an image
 * that matches the tags of a rule is out of reach for those of lower priority, and rules on tagged images leave others.
 */
function expired(images: readonly Image[], days: number, untagged = true): Image[] {
  const rules = ecrLifecyclePolicy(days, untagged).rules.toSorted((a, b) => a.rulePriority - b.rulePriority);
  const left = new Set(images);
  return rules.flatMap(({ selection }) => {
    const matched = [...left].filter(({ tags }) => {
      if (selection.tagStatus === "untagged") return tags.length === 0;
      return selection.tagPatternList.every((pattern) =>
        tags.some((tag) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(tag)),
      );
    });
    for (const image of matched) left.delete(image);
    const { countType, countNumber } = selection;
    if (countType === "imageCountMoreThan")
      return matched.toSorted((a, b) => a.age - b.age).slice(countNumber);
    return matched.filter(({ age }) => age > countNumber);
  });
}

const stage = stageTag({ name: "torch", key: "1", role: "stage" });
const product = stageTag({ name: "starter", key: "2", role: "product" });

test("stages that nobody uses and caches go when they are old, and not before", () => {
  const cache = "cache-torch-1";
  const old = { tags: [stage], age: 31 };
  assert.deepEqual(expired([old, { tags: [stage], age: 30 }], 30), [old]);
  assert.deepEqual(expired([{ tags: [cache], age: 31 }], 30).length, 1);
  assert.deepEqual(expired([{ tags: [cache], age: 31 }], 90), []);
});

test("whatever else points at it, no digest of a product, of a stage in use or of a promoted tag ever goes", () => {
  const working = fc.constantFrom(stage, "cache-starter-1", "cache-torch-2", "stage-a-9");
  const needed = fc.constantFrom(
    product,
    keepTag("prod", "torch"),
    keepTag("x".repeat(120), "y"),
    keepDigestTag(`sha256:${"b".repeat(64)}`),
  );
  const promoted = fc.constantFrom("latest", "starter-ada", "sha-0123456789ab", promotionsTag("latest"));
  const age = fc.integer({ min: 0, max: 5000 });
  const kept = fc.record({
    tags: fc
      .tuple(needed, fc.array(fc.oneof(working, promoted)))
      .map(([tag, more]) => [...new Set([tag, ...more])]),
    age,
  });
  fc.assert(
    fc.property(fc.array(kept, { maxLength: 40 }), fc.integer({ min: 1, max: 100 }), (images, days) => {
      assert.deepEqual(expired(images, days), []);
    }),
  );
});

test("what lost its tag goes when it is old, and evidence, which has one of its own, does not", () => {
  const former = { tags: [], age: 31 };
  assert.deepEqual(expired([former, { tags: [], age: 30 }], 30), [former]);
  const evidence = { tags: [keepDigestTag(`sha256:${"a".repeat(64)}`)], age: 5000 };
  assert.deepEqual(expired([evidence], 1), []);
  assert.deepEqual(expired([former], 1, false), [], "where nobody has given tags to what needs them");
});

test("ECR takes it: priorities and patterns are unique, one pattern a rule, one rule for what has no tag", () => {
  const { rules } = ecrLifecyclePolicy(30, true);
  assert.equal(new Set(rules.map(({ rulePriority }) => rulePriority)).size, rules.length);
  const patterns = rules.flatMap(({ selection }) =>
    selection.tagStatus === "tagged" ? [selection.tagPatternList] : [],
  );
  assert.ok(patterns.every(({ length }) => length === 1));
  assert.equal(new Set(patterns.flat()).size, rules.length - 1);
});

test("the policy as ECR gets it", () => {
  const { rules } = ecrLifecyclePolicy(30, true);
  assert.deepEqual(
    rules.map(({ rulePriority, description }) => `${rulePriority} ${description}`),
    [
      "1 Products stay, promoted or not",
      "2 Stages that a stack uses stay",
      "3 Other stages stay 30 days",
      "4 Caches stay 30 days",
      "5 What has no tag stays 30 days",
    ],
  );
  for (const { action, selection } of rules) {
    assert.deepEqual(action, { type: "expire" });
    assert.equal(selection.countUnit, selection.countType === "sinceImagePushed" ? "days" : undefined);
  }
});
