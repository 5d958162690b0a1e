import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";

const url = (path: string) => JSON.stringify(join(repository, path));

/** Runs `body` as a program; a server that never answers is left open on purpose. */
function program(body: string, options = "{}", args: readonly string[] = []) {
  const text = `
    import { createServer } from "node:net";
    import { UserError } from ${url("errors.ts")};
    import { main } from ${url("tools/program/main.ts")};
    await main(async () => { ${body} }, ${options});`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", text, "--", ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

test("the exit code is the answer of the program", () => {
  assert.equal(program("return 3;").status, 3);
  assert.equal(program("").status, 0);
});

test("what a user can mend has no stack, anything else has one", () => {
  const mistake = program('throw new UserError("--limit", "is not a number.", "Give one.");');
  assert.equal(mistake.status, 1);
  assert.equal(mistake.stderr, "\nstrata: --limit: is not a number. Give one.\n");
  const bug = program('throw new Error("lost");');
  assert.equal(bug.status, 1);
  assert.match(bug.stderr, /^\nstrata: this is a bug:\nError: lost\n +at /);
});

test("programs whose 1 is an answer say trouble by another code", () => {
  const mistake = 'throw new UserError("x", "is wrong.", "");';
  assert.equal(program(mistake, "{ trouble: 2 }").status, 2);
  assert.equal(program("return 1;", "{ trouble: 2 }").status, 1);
});

test("a failed program ends at once, whatever is still open", () => {
  const waiting = 'createServer().listen(0, "127.0.0.1"); throw new UserError("x", "is wrong.", "");';
  assert.equal(program(waiting).status, 1);
});

test("--help prints what the program takes, and runs nothing", () => {
  for (const word of ["--help", "-h"]) {
    const { status, stdout } = program('throw new Error("ran");', '{ help: "Usage: x" }', ["a", word]);
    assert.deepEqual([status, stdout], [0, "Usage: x\n"]);
  }
});
