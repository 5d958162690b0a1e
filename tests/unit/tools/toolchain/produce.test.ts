import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { produce } from "../../../../tools/toolchain/produce.ts";
import { temporaryFolder } from "../../support/folder.ts";

async function fill(folder: string): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), "done");
}

test("what is made appears under its name, with nothing beside it", async (context) => {
  const folder = temporaryFolder(context);
  await produce(join(folder, "cache/tool"), fill);
  assert.deepEqual(readdirSync(join(folder, "cache")), ["tool"]);
  assert.equal(readFileSync(join(folder, "cache/tool/file"), "utf8"), "done");
});

test("work that fails leaves no target, and the next attempt clears its remains", async (context) => {
  const folder = temporaryFolder(context);
  const target = join(folder, "tool");
  const failing = produce(target, async (temporary) => {
    await fill(temporary);
    throw new Error("no network");
  });
  await assert.rejects(failing, /no network/);
  assert.equal(existsSync(target), false);
  mkdirSync(`${target}.tmp-4711`);
  await produce(target, fill);
  assert.deepEqual(readdirSync(folder), ["tool"]);
});

test("two at once do the work once", async (context) => {
  const target = join(temporaryFolder(context), "tool");
  let times = 0;
  const work = async (temporary: string) => {
    times++;
    await sleep(50);
    await fill(temporary);
  };
  await Promise.all([produce(target, work), produce(target, work)]);
  assert.equal(times, 1);
});

test("the lock of a process that is gone holds nobody up", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "tool.lock"), JSON.stringify({ pid: process.pid, started: 1 }));
  await produce(join(folder, "tool"), fill);
  assert.deepEqual(readdirSync(folder), ["tool"]);
});
