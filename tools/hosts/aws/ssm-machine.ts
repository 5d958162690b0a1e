import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { CancelCommandCommand, GetCommandInvocationCommand, SendCommandCommand } from "@aws-sdk/client-ssm";
import { type CommandEnd, HostTrouble, type Machine, quoted, type RunOptions } from "../machine.ts";
import type { AwsClients } from "./clients.ts";

/** Bytes of a page: Systems Manager shows 24,000 characters of what a command wrote, and no more. */
const PAGE = 20_000;
/** Bytes of the end of stderr, which come with the first page. */
const STDERR_END = 1_000;
/** Characters of input in one command. */
const CHUNK = 20_000;
/** Seconds until an instance has to begin with a command. */
const DELIVERY_SECONDS = 60;
const POLL_MS = 2_000;
/** Milliseconds for a command that only moves data. */
const SHORT_MS = 60_000;

/**
 * An instance that takes commands from Systems Manager: nothing reaches it from outside. Commands have no input and
 * little output there, so both go through files on the instance, in pieces. What is sent is kept in the account's
 * history of commands, so no secret may be among it.
 */
export class SsmMachine implements Machine {
  readonly name: string;
  readonly #instance: string;
  readonly #clients: AwsClients;

  constructor(instance: string, clients: AwsClients) {
    this.name = instance;
    this.#instance = instance;
    this.#clients = clients;
  }

  async run(
    words: readonly string[],
    { stdin, limitMs, onLine, signal }: RunOptions = {},
  ): Promise<CommandEnd> {
    const folder = `/run/strata/${randomBytes(6).toString("hex")}`;
    const send = (script: string, limit = SHORT_MS) => this.#send(script, limit, signal);
    for (const chunk of stdin ? pieces(gzipSync(stdin).toString("base64")) : []) {
      await send(`mkdir -p ${folder} && printf %s ${chunk} >>${folder}/stdin`);
    }
    const first = await send(script(folder, words, stdin !== undefined), limitMs);
    const [status = "", length = "", page = "", problem = ""] = first.split("\n");
    let packed = page;
    for (let at = page.length; at < Number(length); at += PAGE) {
      packed += (await send(`tail -c +${at + 1} ${folder}/packed | head -c ${PAGE}`)).trim();
    }
    await send(`rm -rf ${folder}`);
    if (!/^\d+$/.test(status) || packed.length !== Number(length)) {
      throw new HostTrouble(`${this.name}: a command answered with something else`);
    }
    const stdout = packed ? gunzipSync(Buffer.from(packed, "base64")) : Buffer.alloc(0);
    if (onLine) for (const line of stdout.toString().trimEnd().split("\n")) onLine(line);
    return { status: Number(status), stdout, stderr: Buffer.from(problem, "base64").toString() };
  }

  async close(): Promise<void> {}

  /** Runs a script and answers with what it wrote; it has to end well, as it is ours. */
  async #send(commands: string, limitMs: number, signal: AbortSignal | undefined): Promise<string> {
    const { ssm, pause } = this.#clients;
    if (signal?.aborted) throw new HostTrouble("the test was interrupted");
    const seconds = Math.max(30, Math.ceil(limitMs / 1000));
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: "AWS-RunShellScript",
        InstanceIds: [this.#instance],
        TimeoutSeconds: DELIVERY_SECONDS,
        Parameters: { commands: [commands], executionTimeout: [String(seconds)] },
      }),
    );
    const which = { CommandId: Command?.CommandId ?? "", InstanceId: this.#instance };
    const end = Date.now() + limitMs + DELIVERY_SECONDS * 1000;
    for (;;) {
      if (signal?.aborted || Date.now() > end) {
        await ssm.send(new CancelCommandCommand(which)).catch(() => {});
        throw new HostTrouble(
          signal?.aborted ? "the test was interrupted" : `no end within ${Math.round(limitMs / 1000)} s`,
        );
      }
      await pause(POLL_MS, signal);
      if (signal?.aborted) continue;
      const answer = await ssm.send(new GetCommandInvocationCommand(which)).catch((error: unknown) => {
        // It takes a moment until the instance knows of a command.
        if (error instanceof Error && error.name === "InvocationDoesNotExist") return undefined;
        throw error;
      });
      if (!answer) continue;
      switch (answer.Status) {
        case "Pending":
        case "InProgress":
        case "Delayed":
          continue;
        case "Success":
          return answer.StandardOutputContent ?? "";
        case "TimedOut":
          throw new HostTrouble(`${this.name}: ${answer.StatusDetails ?? "a command took too long"}`);
        default:
          throw new HostTrouble(
            `${this.name}: ${answer.StatusDetails ?? answer.Status}: ${(answer.StandardErrorContent ?? "").slice(-500)}`,
          );
      }
    }
  }
}

/** Runs `words` with files for its three streams; prints status, size of the output, its first page, and its errors. */
function script(folder: string, words: readonly string[], hasInput: boolean): string {
  return [
    `umask 077; mkdir -p ${folder}; cd /`,
    hasInput ? `base64 -d ${folder}/stdin | gzip -d >${folder}/in` : `: >${folder}/in`,
    `status=0; ${words.map(quoted).join(" ")} <${folder}/in >${folder}/out 2>${folder}/err || status=$?`,
    `gzip -c ${folder}/out | base64 -w 0 >${folder}/packed`,
    `echo "$status"; wc -c <${folder}/packed; head -c ${PAGE} ${folder}/packed; echo`,
    `tail -c ${STDERR_END} ${folder}/err | base64 -w 0; echo`,
  ].join("\n");
}

function pieces(text: string): string[] {
  return Array.from({ length: Math.ceil(text.length / CHUNK) }, (_, index) =>
    text.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}
