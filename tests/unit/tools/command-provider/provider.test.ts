import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  checkInputs,
  diffInputs,
  previousOutput,
  readInputs,
  stateOf,
} from "../../../../tools/command-provider/command.ts";
import { commandProvider } from "../../../../tools/command-provider/provider.ts";
import { cancelAll, runCommand } from "../../../../tools/command-provider/run-command.ts";
import { holdsSecret, reveal, secret } from "../../../../tools/command-provider/values.ts";
import { identify } from "../../../../tools/program/processes.ts";
import { temporaryFolder } from "../../support/folder.ts";

const TYPE = "command:local:Command";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const urn = `urn:pulumi:dev::p::${TYPE}::smoke`;

test("good inputs pass, wrong ones are named", () => {
  assert.deepEqual(checkInputs(TYPE, { create: "true", triggers: [1, { a: UNKNOWN }], __defaults: [] }), []);
  assert.deepEqual(checkInputs(TYPE, { create: UNKNOWN, environment: { A: UNKNOWN } }), []);
  assert.deepEqual(checkInputs(TYPE, { environment: secret({ A: secret("x") }) }), []);
  assert.deepEqual(
    checkInputs(TYPE, { create: 3, logging: "loud" }).map(({ property }) => property),
    ["create", "logging"],
  );
});

test("what only the official plugin does is refused by name", () => {
  assert.match(
    checkInputs("command:remote:Command", {})[0]?.reason ?? "",
    /has no command:remote:Command\. .*official plugin/,
  );
  assert.deepEqual(
    checkInputs(TYPE, { assetPaths: ["*"], archivePaths: ["*"] }).map(({ property }) => property),
    ["assetPaths", "archivePaths"],
  );
});

const state = { create: "a", triggers: ["1"], environment: { A: "x" }, stdout: "o", stderr: "" };

test("outputs, order of keys and secrecy make no difference", () => {
  assert.deepEqual(diffInputs(state, { triggers: ["1"], environment: { A: secret("x") }, create: "a" }), {
    changes: false,
    replaces: [],
  });
  assert.deepEqual(diffInputs({ ...state, dir: null }, { ...state, stdout: "p" }), {
    changes: false,
    replaces: [],
  });
});

test("a changed input updates, a changed or unknown trigger replaces", () => {
  assert.deepEqual(diffInputs(state, { ...state, create: "b" }), { changes: true, replaces: [] });
  assert.deepEqual(diffInputs(state, { ...state, dir: "/" }), { changes: true, replaces: [] });
  assert.deepEqual(diffInputs(state, { ...state, triggers: ["2"] }), {
    changes: true,
    replaces: ["triggers"],
  });
  assert.deepEqual(diffInputs(state, { ...state, triggers: [UNKNOWN] }), {
    changes: true,
    replaces: ["triggers"],
  });
  assert.deepEqual(diffInputs(state, { create: "a", environment: { A: "x" } }), {
    changes: true,
    replaces: ["triggers"],
  });
});

test("a secret input makes the outputs secret and stays secret itself", () => {
  const output = { stdout: "out", stderr: "" };
  const hidden = stateOf({ environment: { TOKEN: secret("t") } }, output);
  assert.ok(holdsSecret(hidden.stdout) && holdsSecret(hidden.environment));
  assert.equal(reveal(hidden.stdout), "out");
  assert.deepEqual(stateOf({ create: "x" }, output), { create: "x", ...output });
  assert.deepEqual(readInputs({ environment: { TOKEN: secret("t") }, stdout: "o" }).environment, {
    TOKEN: "t",
  });
});

test("the former output is handed on unless it is not wanted or too long", () => {
  assert.deepEqual(previousOutput({ stdout: "o", stderr: "" }, undefined), { PULUMI_COMMAND_STDOUT: "o" });
  assert.deepEqual(previousOutput({ stdout: secret("o") }, true), { PULUMI_COMMAND_STDOUT: "o" });
  assert.deepEqual(previousOutput({ stdout: "o" }, false), {});
  assert.deepEqual(previousOutput({ stdout: "x".repeat(200_000) }, true), {});
});

test("lines are logged as they come, outputs lose one line end", async () => {
  const lines: string[] = [];
  const output = await runCommand("echo one >&2; printf 'a\\nb\\n\\n'; printf two >&2", {}, {}, (line) =>
    lines.push(line),
  );
  assert.deepEqual(output, { stdout: "a\nb\n", stderr: "one\ntwo" });
  assert.deepEqual(lines.toSorted(), ["a", "b", "one", "two"]);
});

test("only the wanted streams are logged, and both are kept", async () => {
  const lines: string[] = [];
  const output = await runCommand("echo o; echo e >&2", { logging: "stderr" }, {}, (line) =>
    lines.push(line),
  );
  assert.deepEqual([output.stdout, output.stderr, lines], ["o", "e", ["e"]]);
});

test("environment, folder, interpreter and input are the command's", async (context) => {
  const dir = temporaryFolder(context);
  const run = (command: string, inputs: object) => runCommand(command, inputs, { FORMER: "f" }, () => {});
  assert.equal(
    (await run("pwd; echo $A$FORMER; cat", { dir, environment: { A: "x" }, stdin: "in" })).stdout,
    `${dir}\nxf\nin`,
  );
  assert.equal(
    (await run("process.stdout.write('js')", { interpreter: [process.execPath, "-e"] })).stdout,
    "js",
  );
  assert.equal((await run("cat", {})).stdout, "");
});

test("a failure tells the exit code and the end of both streams", async () => {
  const failing = runCommand("echo before; echo reason >&2; exit 7", {}, {}, () => {});
  await assert.rejects(failing, (error: Error) => {
    assert.match(error.message, /^exit status 7: running "echo before; /);
    assert.match(error.message, /before/);
    assert.match(error.message, /reason/);
    return true;
  });
  await assert.rejects(
    runCommand("kill -9 $$", {}, {}, () => {}),
    /exit status 137/,
  );
  await assert.rejects(
    runCommand("x", { interpreter: ["/no/such"] }, {}, () => {}),
    /cannot be started/,
  );
});

test("a long output does not make a long error", async () => {
  const failing = runCommand("seq 100000; exit 1", {}, {}, () => {});
  await assert.rejects(
    failing,
    (error: Error) => error.message.length < 7_000 && error.message.endsWith("100000"),
  );
});

test("cancelling ends the command and what it started", async () => {
  let child = 0;
  const running = runCommand("sleep 60 & echo $! >&2; wait", {}, {}, (line) => {
    child = Number(line);
  });
  running.catch(() => {});
  while (child === 0) await sleep(10);
  await cancelAll(2_000);
  await assert.rejects(running, /exit status 143/);
  for (let tries = 0; identify(child) && tries < 100; tries++) await sleep(10);
  assert.equal(identify(child), undefined);
});

test("create, update and delete run their commands with what came before", async (context) => {
  const trace = join(temporaryFolder(context), "trace");
  const logged: string[] = [];
  const provider = commandProvider((resource, line) =>
    logged.push(`${resource.split("::").at(-1)}: ${line}`),
  );
  const inputs = {
    create: "echo created; echo working >&2",
    update: 'echo "updated after $PULUMI_COMMAND_STDOUT"',
    delete: `echo "deleted after $PULUMI_COMMAND_STDOUT" > '${trace}'`,
  };
  const created = await provider.create?.(urn, inputs);
  assert.match(created?.id ?? "", /^smoke[0-9a-f]{8}$/);
  assert.deepEqual(created?.outs, { ...inputs, stdout: "created", stderr: "working" });
  assert.ok(logged.includes("smoke: working"));
  const updated = await provider.update?.(created?.id ?? "", urn, created?.outs, inputs);
  assert.equal(updated?.outs.stdout, "updated after created");
  const { update: _, ...withoutUpdate } = inputs;
  const recreated = await provider.update?.("id", urn, updated?.outs, withoutUpdate);
  assert.equal(recreated?.outs.stdout, "created");
  await provider.delete?.("id", urn, updated?.outs);
  assert.equal(
    (await runCommand(`cat '${trace}'`, {}, {}, () => {})).stdout,
    "deleted after updated after created",
  );
});

test("a resource without commands does nothing and keeps its former output", async () => {
  const provider = commandProvider(() => {});
  assert.deepEqual((await provider.create?.(urn, {}))?.outs, { stdout: "", stderr: "" });
  assert.deepEqual(
    (await provider.update?.("id", urn, { stdout: secret("o"), stderr: "" }, { dir: "/" }))?.outs,
    {
      dir: "/",
      stdout: "o",
      stderr: "",
    },
  );
  await provider.delete?.("id", urn, { stdout: "o" });
});
