import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cause } from "../../../../lib/plan/stage-changes.ts";
import { causeForms, causeMarkdown, causesOf } from "../../../../lib/preview/causes.ts";
import type { PlannedStack, Preview } from "../../../../lib/preview/preview-schema.ts";
import { sampleCause as cause, samplePreview, stackPreview, stagePreview } from "../../../support/preview.ts";

/** A stack in which these stages are built again, each for its reasons. */
const changed = (
  stack: string,
  stages: Readonly<Record<string, Cause[]>>,
  more: Partial<PlannedStack> = {},
) =>
  stackPreview(stack, {
    verdict: "changed",
    stages: Object.entries(stages).map(([name, causes]) =>
      stagePreview(name, { verdict: "rebuild", causes }),
    ),
    ...more,
  });
const failed = { stack: "broken", verdict: "failed", problem: "x" } as const;
const forms = (...stacks: Preview["stacks"]) => causeForms(samplePreview(stacks));
const heading = "#### What changes";

test("a reason is told with its values where people can read them", () => {
  const hash = "a".repeat(40);
  const rows = [
    [cause("file", "a"), "file `a` changed"],
    [cause("file", "a", null), "file `a` is new"],
    [cause("checks", "a", "1", null), "checks `a` is gone"],
    [cause("stage", "a", null), "stage `a` is new"],
    [cause("stage", "a"), "stage `a` changed"],
    [cause("stack", "a", null), "stack `a` is new"],
    [cause("stack", "a", "1", null), "stack `a` is gone"],
    [cause("pin", "a", "1", hash), "pin `a`: `1` → `aaaaaaaaaa`"],
    [cause("pin", "a", hash), "pin `a`: `aaaaaaaaaa` → `2`"],
    [cause("pin", "a", null, hash), "pin `a` is new (`aaaaaaaaaa`)"],
    [cause("pin", "a", hash, null), "pin `a` is gone (`aaaaaaaaaa`)"],
  ] as const;
  for (const [told, markdown] of rows) assert.equal(causeMarkdown(told), markdown);
});

test("a new stack, a stage that is new or gone, and a setting are reasons by themselves", () => {
  const found = causesOf(
    samplePreview([
      failed,
      stackPreview("fresh", { verdict: "new", stages: [stagePreview("x", { verdict: "create" })] }),
      stackPreview("dev", {
        verdict: "changed",
        stages: [
          stagePreview("b", { verdict: "create", causes: [cause("file", "unsaid")] }),
          stagePreview("a", { verdict: "remove" }),
        ],
        settings: [cause("tag", "latest")],
      }),
    ]),
  );
  assert.deepEqual(
    found.map((shared) => [shared.cause, [...shared.stages], shared.count]),
    [
      [cause("stack", "fresh", null, "starter"), [["fresh", [""]]], 1],
      [cause("stage", "a", "old", null), [["dev", ["a"]]], 1],
      [cause("stage", "b", null, "new"), [["dev", ["b"]]], 1],
      [cause("tag", "latest"), [["dev", [""]]], 1],
    ],
  );
});

test("reasons are the same where only their hashes differ, and others where a value does", () => {
  const names = (...causes: Cause[]) =>
    causesOf(
      samplePreview([changed("dev", Object.fromEntries(causes.map((each, index) => [`s${index}`, [each]])))]),
    ).length;
  assert.equal(names(cause("file", "a", "1", "2"), cause("file", "a", "3", "4")), 1);
  assert.equal(names(cause("file", "a", "1", "2"), cause("file", "a", null, "4")), 2);
  assert.equal(names(cause("file", "a", "1", "2"), cause("file", "a", "3", null)), 2);
  assert.equal(names(cause("pin", "a", "1", "2"), cause("pin", "a", "1", "3")), 2);
  assert.equal(names(cause("pin", "a", "1", "2"), cause("pin", "a", "1", "2")), 1);
});

test("where nothing changes there is nothing to tell", () => {
  assert.deepEqual(forms(stackPreview("dev"), failed), [""]);
});

test("one stack: a reason names its stages while they are few, then counts them", () => {
  const [few, counted, bare, names] = forms(
    changed("dev", { torch: [cause("file", "a.sh")], cuda: [cause("file", "a.sh"), cause("pin", "cuda")] }),
  );
  assert.equal(
    few,
    `${heading}\n- file \`a.sh\` changed: \`torch\`, \`cuda\`\n- pin \`cuda\`: \`1\` → \`2\``,
  );
  assert.equal(counted, `${heading}\n- file \`a.sh\` changed: 2 stages\n- pin \`cuda\`: \`1\` → \`2\``);
  assert.equal(bare, `${heading}\n- file \`a.sh\` changed\n- pin \`cuda\`: \`1\` → \`2\``);
  assert.equal(names, `${heading}\nfile \`a.sh\`, pin \`cuda\``);
  const stages = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, [cause("file", "a")]]));
  assert.match(forms(changed("dev", stages(5)))[0] ?? "", /: `s0`, `s1`, `s2`, `s3`, `s4`$/);
  assert.match(forms(changed("dev", stages(6)))[0] ?? "", /: 6 stages$/);
});

test("several stacks: a reason says in which, by name while they are few", () => {
  const of = (...stacks: string[]) => stacks.map((stack) => changed(stack, { torch: [cause("file", "a")] }));
  const reach = (stacks: Preview["stacks"], form = 0) => forms(...stacks)[form]?.split("changed")[1];
  assert.equal(reach([...of("ada"), stackPreview("cpu")]), ": `torch`; in `ada`");
  assert.equal(reach([...of("ada"), stackPreview("cpu")], 1), ": 1 stack");
  assert.equal(reach([...of("ada", "hopper"), stackPreview("cpu")]), ": `torch`; in `ada`, `hopper`");
  assert.equal(reach([...of("ada", "hopper"), stackPreview("cpu")], 1), ": 2 stacks");
  assert.equal(reach(of("ada", "hopper")), ": `torch`; all stacks");
  const six = of("a", "b", "c", "d", "e", "f");
  assert.equal(reach([...six, stackPreview("cpu")]), ": `torch`; 6 stacks");
  assert.equal(reach([...six.slice(1), stackPreview("cpu")]), ": `torch`; in `b`, `c`, `d`, `e`, `f`");
  const fresh = stackPreview("fresh", { verdict: "new" });
  assert.equal(forms(fresh, stackPreview("cpu"))[0], `${heading}\n- stack \`fresh\` is new`);
});

test("when not even the names fit, fewer of them are told, and how many are left", () => {
  const causes = Array.from({ length: 60 }, (_, index) =>
    cause("file", `f${String(index).padStart(2, "0")}`),
  );
  const all = forms(changed("dev", { torch: causes }));
  assert.equal(all.length, 6);
  assert.match(all[4] ?? "", /^#### What changes\nfile `f00`, .*, file `f49` and 10 more$/);
  assert.match(all[5] ?? "", /, file `f09` and 50 more$/);
  assert.equal(forms(changed("dev", { torch: causes.slice(0, 10) })).length, 4);
});
