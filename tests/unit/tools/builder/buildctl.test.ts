import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { buildctlBuild } from "../../../../tools/builder/buildctl.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A build that ends with `status`, having said `error` last, and having written what the exporter says or not. */
async function build(
  t: TestContext,
  { says, writes, status }: { says: string; writes: boolean; status: number },
) {
  const folder = temporaryFolder(t);
  const [program, metadata] = [join(folder, "buildctl"), join(folder, "metadata.json")];
  // The last word is the file.
  const write = writes ? 'for file; do :; done; echo "{}" >"$file"' : ":";
  writeFileSync(program, `#!/bin/sh\n${write}\nprintf '%s' '${says}' >&2\nexit ${status}\n`, { mode: 0o755 });
  // Left by an earlier build.
  writeFileSync(metadata, "{}");
  return [
    (await buildctlBuild(program, ["build"], metadata, {})).ok,
    (await buildctlBuild(program, ["build"], undefined, {})).ok,
  ];
}

test("a build that is done and left its traces behind succeeded; one that says so and is not done did not", async (t) => {
  const late = "#9 DONE 0.1s\nerror: context deadline exceeded\n";
  assert.deepEqual(await build(t, { says: late, writes: true, status: 1 }), [true, true]);
  assert.deepEqual(await build(t, { says: late, writes: false, status: 1 }), [false, false]);
});

test("an export into a folder that is done is no failure either, though it writes nothing of itself; one that was begun is", async (t) => {
  const begun = "#8 exporting to client directory\n#8 copying files 25B\n";
  const late = "error: context deadline exceeded\n";
  const done = `#7 DONE 0.6s\n${begun}#8 DONE 0.2s\n${late}`;
  assert.deepEqual(await build(t, { says: done, writes: false, status: 1 }), [true, true]);
  assert.deepEqual(await build(t, { says: `#7 DONE 0.6s\n${begun}${late}`, writes: false, status: 1 }), [
    false,
    false,
  ]);
  const failed = `${begun}#8 DONE 0.2s\nerror: failed to solve: context deadline exceeded\n`;
  assert.deepEqual(await build(t, { says: failed, writes: false, status: 1 }), [false, false]);
});

test("any other failure is one, whatever was written, and a success needs no file", async (t) => {
  const failed = "error: failed to solve: context deadline exceeded while pushing\n";
  assert.deepEqual(await build(t, { says: failed, writes: true, status: 1 }), [false, false]);
  assert.deepEqual(await build(t, { says: "", writes: false, status: 0 }), [true, true]);
});
