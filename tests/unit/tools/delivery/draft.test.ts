import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "../../../../home.ts";
import { refuseFolder, writeWhole } from "../../../../tools/delivery/draft.ts";
import { temporaryFolder } from "../../support/folder.ts";

test("a file is there when all of it is, in place of a former one and of what a killed run left", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "new", "image.tar");
  mkdirSync(join(folder, "new"));
  writeFileSync(path, "former");
  writeFileSync(`${path}.part`, "left by a killed run");
  const result = await writeWhole(path, 1, async (draft) => {
    assert.equal(existsSync(draft), false);
    assert.equal(readFileSync(path, "utf8"), "former");
    await writeFile(draft, "whole");
    return "done";
  });
  assert.equal(result, "done");
  assert.equal(readFileSync(path, "utf8"), "whole");
  assert.deepEqual(readdirSync(join(folder, "new")), ["image.tar"]);
});

test("whatever goes wrong leaves nothing, and says what to do where that is the disk's doing", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "image.tar");
  const failing = (code: string) =>
    writeWhole(path, 5e6, async (draft) => {
      await writeFile(draft, "half");
      throw Object.assign(new Error(`${code}: of the system`), { code });
    });
  await assert.rejects(
    failing("ENOSPC"),
    /image\.tar: the disk is full: the image has 5 MB at least\. Nothing is left/,
  );
  await assert.rejects(failing("EDQUOT"), /the disk is full/);
  await assert.rejects(failing("EFBIG"), /takes no file of that size.*FAT ends at 4 GB/);
  await assert.rejects(failing("EROFS"), /cannot be written \(EROFS\)/);
  await assert.rejects(failing("EOTHER"), /^Error: EOTHER: of the system$/);
  assert.deepEqual(readdirSync(folder), []);
});

test("a disk without room is told before anything is read", async (t) => {
  const path = join(temporaryFolder(t), "image.tar");
  let isAsked = false;
  const written = writeWhole(path, 1e18, async () => {
    isAsked = true;
  });
  await assert.rejects(written, /GB are free, and the image has 1 EB\. Free some space/);
  assert.equal(isAsked, false);
});

test("a folder that is there is not replaced", (t) => {
  const folder = temporaryFolder(t);
  assert.throws(() => refuseFolder(folder), /is there already\. Remove it, or name another with --output/);
  assert.doesNotThrow(() => refuseFolder(join(folder, "other")));
});

test("Ctrl-C leaves nothing either, and does not wait for a registry", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "image.tar");
  const program = [
    `import { writeFile } from "node:fs/promises";`,
    `import { main } from "${repository}/tools/program/main.ts";`,
    `import { writeWhole } from "${repository}/tools/delivery/draft.ts";`,
    `await main(() => writeWhole(${JSON.stringify(path)}, 1, async (draft) => {`,
    `  await writeFile(draft, "half");`,
    `  await new Promise((resolve) => setTimeout(resolve, 60_000));`,
    `}));`,
  ].join("\n");
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  while (!existsSync(`${path}.part`) && child.exitCode === null) await sleep(20);
  child.kill("SIGINT");
  assert.equal(await ended, 130);
  assert.deepEqual(readdirSync(folder), []);
});
