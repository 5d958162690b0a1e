import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf, type CacheUsage, cacheUsage, unusedFor } from "../../../../tools/builder/cache-usage.ts";
import { temporaryFolder } from "../../support/folder.ts";

const now = new Date("2026-11-30T00:00:00Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000).toISOString();
const record = (id: string, more: Partial<CacheUsage[number]> = {}): CacheUsage[number] => ({
  id,
  inUse: false,
  size: 10,
  createdAt: daysAgo(60),
  lastUsedAt: daysAgo(30),
  ...more,
});
const ids = (usage: CacheUsage) => usage.map(({ id }) => id);

test("what was used since stays, with all that it is built on; what is in use as well", () => {
  const usage = [
    record("base"),
    record("toolbox", { parents: ["base"] }),
    record("fresh", { parents: ["toolbox"], lastUsedAt: daysAgo(1) }),
    record("old", { parents: ["base"] }),
    record("running", { inUse: true, parents: ["mount"] }),
    record("mount"),
  ];
  assert.deepEqual(ids(unusedFor(usage, 14, now)), ["old"]);
  assert.equal(bytesOf(unusedFor(usage, 14, now)), 10);
  assert.deepEqual(ids(unusedFor(usage, 31, now)), []);
  assert.deepEqual(ids(unusedFor(usage, 0, now)), ["base", "toolbox", "fresh", "old"]);
});

test("what was never used is as old as it is", () => {
  const usage = [
    record("new", { lastUsedAt: null, createdAt: daysAgo(2) }),
    record("aged", { lastUsedAt: null }),
  ];
  assert.deepEqual(ids(unusedFor(usage, 14, now)), ["aged"]);
});

test("an answer counts though buildctl fails after it, and none is an error", async (t) => {
  const program = join(temporaryFolder(t), "buildctl");
  const answers = (text: string) =>
    writeFileSync(program, `#!/bin/sh\nprintf '%s' '${text}'\nexit 1\n`, { mode: 0o755 });
  answers(JSON.stringify([record("a")]));
  assert.deepEqual(ids(await cacheUsage([program])), ["a"]);
  answers("null");
  assert.deepEqual(await cacheUsage([program]), []);
  answers("");
  await assert.rejects(cacheUsage([program]), /says nothing/);
});
