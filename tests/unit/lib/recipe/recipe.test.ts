import assert from "node:assert/strict";
import { test } from "node:test";
import { joinResolutions } from "../../../../lib/recipe/recipe.ts";

test("of two recipes' remedies all count, and the later one where both have one of a name", () => {
  const [one, two] = ["one", "two"].map((requirement) => ({ requirement, reason: "r" }));
  const alias = (of: string) => ({ of, reason: "r" });
  const git = (repository: string) => ({ repository, requires: [] });
  assert.ok(one && two);
  const base = {
    additional: [one],
    aliases: { a: alias("x"), b: alias("x") },
    gitPackages: { g: git("x"), h: git("x") },
  };
  const later = { additional: [two], aliases: { b: alias("y") }, gitPackages: { h: git("y") } };
  assert.deepEqual(joinResolutions(base, later), {
    additional: [one, two],
    aliases: { a: alias("x"), b: alias("y") },
    gitPackages: { g: git("x"), h: git("y") },
  });
  assert.deepEqual(joinResolutions({}, {}), { additional: [], aliases: {}, gitPackages: {} });
});
