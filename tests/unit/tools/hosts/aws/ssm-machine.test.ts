import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { SsmMachine } from "../../../../../tools/hosts/aws/ssm-machine.ts";
import { HostTrouble } from "../../../../../tools/hosts/machine.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { type AwsAnswers, awsError, fakeAws } from "./fake-aws.ts";

const sent = ({ asked }: ReturnType<typeof fakeAws>) =>
  asked.filter(({ name }) => name === "SendCommandCommand").map(({ input }) => input);

test("a command's words, status, output and errors come through, whatever they hold", async (t) => {
  const folder = temporaryFolder(t);
  const aws = fakeAws(folder);
  const machine = new SsmMachine("i-0a", aws);
  const ended = await machine.run([
    "sh",
    "-c",
    'printf "%s|" "$@"; echo wrong >&2; exit 7',
    "x",
    "it's",
    "$HOME\n*",
    "",
  ]);
  assert.deepEqual(
    { ...ended, stdout: ended.stdout.toString() },
    { status: 7, stdout: "it's|$HOME\n*||", stderr: "wrong\n" },
  );
  const [first] = sent(aws);
  assert.deepEqual(
    { ...first, Parameters: undefined },
    { DocumentName: "AWS-RunShellScript", InstanceIds: ["i-0a"], TimeoutSeconds: 60, Parameters: undefined },
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("input and output are as large as they are, in pieces that Systems Manager takes and shows", async (t) => {
  const aws = fakeAws(temporaryFolder(t));
  const input = randomBytes(70_000);
  const { status, stdout } = await new SsmMachine("i-0a", aws).run(["cat"], { stdin: input });
  assert.equal(status, 0);
  assert.ok(stdout.equals(input));
  for (const { Parameters } of sent(aws) as { Parameters: { commands: string[] } }[]) {
    assert.ok(Parameters.commands.join("").length < 24_000);
  }
});

test("lines are told, and nothing at all is no output", async (t) => {
  const machine = new SsmMachine("i-0a", fakeAws(temporaryFolder(t)));
  const lines: string[] = [];
  await machine.run(["printf", "one\\ntwo\\n"], { onLine: (line) => lines.push(line) });
  assert.deepEqual(lines, ["one", "two"]);
  assert.equal((await machine.run(["true"])).stdout.length, 0);
});

test("a command has a time limit there too", async (t) => {
  const aws = fakeAws(temporaryFolder(t));
  await new SsmMachine("i-0a", aws).run(["true"], { limitMs: 90_500 });
  const [first] = sent(aws) as { Parameters: { executionTimeout: string[] } }[];
  assert.deepEqual(first?.Parameters.executionTimeout, ["91"]);
});

const troubles: Record<string, { answers: AwsAnswers; told: RegExp }> = {
  "a command that took too long": {
    answers: {
      GetCommandInvocationCommand: () => ({ Status: "TimedOut", StatusDetails: "ExecutionTimedOut" }),
    },
    told: /i-0a: ExecutionTimedOut/,
  },
  "an instance that does not answer": {
    answers: { GetCommandInvocationCommand: () => ({ Status: "Cancelled", StatusDetails: "Undeliverable" }) },
    told: /i-0a: Undeliverable/,
  },
  "an answer that was cut": {
    answers: {
      GetCommandInvocationCommand: () => ({ Status: "Success", StandardOutputContent: "0\n10\nabc" }),
    },
    told: /i-0a: a command answered with something else/,
  },
};

for (const [name, { answers, told }] of Object.entries(troubles)) {
  test(`${name}: trouble of the host`, async (t) => {
    const machine = new SsmMachine("i-0a", fakeAws(temporaryFolder(t), answers));
    await assert.rejects(machine.run(["true"]), (error: unknown) => {
      assert.ok(error instanceof HostTrouble);
      assert.match(error.message, told);
      return true;
    });
  });
}

test("an instance that does not know of the command yet is asked again", async (t) => {
  let times = 0;
  const folder = temporaryFolder(t);
  const real = fakeAws(folder);
  const aws = fakeAws(folder, {
    GetCommandInvocationCommand: () =>
      times++ < 2
        ? awsError("InvocationDoesNotExist")
        : { Status: "Success", StandardOutputContent: "0\n0\n\n\n" },
  });
  assert.equal((await new SsmMachine("i-0a", aws).run(["true"])).status, 0);
  assert.deepEqual(real.asked, []);
});

test("an interrupted test cancels its command", async (t) => {
  const interrupt = new AbortController();
  const aws = fakeAws(temporaryFolder(t), {
    GetCommandInvocationCommand: () => {
      interrupt.abort();
      return { Status: "InProgress" };
    },
  });
  await assert.rejects(
    new SsmMachine("i-0a", aws).run(["true"], { signal: interrupt.signal }),
    /HostTrouble: the test was interrupted/,
  );
  assert.ok(aws.asked.some(({ name }) => name === "CancelCommandCommand"));
});
