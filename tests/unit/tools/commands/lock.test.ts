import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";

/** The command with options that it refuses before it asks anybody. */
async function refused(...args: string[]): Promise<string> {
  const { failed, stderr } = await execa(
    process.execPath,
    [join(repository, "tools/commands/lock.ts"), "python", ...args],
    { reject: false, env: { UV_DEFAULT_INDEX: "http://127.0.0.1:1/", STRATA_MIRRORS: "" } },
  );
  assert.ok(failed);
  return stderr;
}

test("a cool-down that is no number of days, and a Python that nobody knows, are refused", async () => {
  assert.match(await refused("--cool-down", "7d"), /--cool-down: expected a whole number of days.*got "7d"/);
  assert.match(await refused("--with-python", "3.41"), /--with-python: expected one of 3\.11, .*got "3\.41"/);
});
