import { spawnSync } from "node:child_process";
import type { AwsClients } from "../../../../../tools/hosts/aws/clients.ts";

/** One request: what was asked of which service. */
export interface Asked {
  readonly name: string;
  readonly input: Record<string, unknown>;
}

/** An answer to a request, by the name of its command; an error is thrown. */
export type AwsAnswers = Readonly<Record<string, (input: never) => object | Error>>;

/** An error as the SDK throws it. */
export function awsError(name: string, message = ""): Error {
  return Object.assign(new Error(message), { name, $metadata: {} });
}

/**
 * Stands in for AWS: notes every request and answers as told. Commands that are sent to an instance run here, in a shell,
 * with `folder` in the place of /run/strata, and show no more than Systems Manager does.
 */
export function fakeAws(folder: string, answers: AwsAnswers = {}): AwsClients & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const outputs = new Map<string, object>();
  const all: AwsAnswers = {
    SendCommandCommand: ({ Parameters }: { Parameters: { commands: string[] } }) => {
      const script = Parameters.commands.join("\n").replaceAll("/run/strata", folder);
      const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
      const CommandId = `command-${outputs.size}`;
      outputs.set(CommandId, {
        Status: status === 0 ? "Success" : "Failed",
        StandardOutputContent: stdout.slice(0, 24_000),
        StandardErrorContent: stderr.slice(0, 8_000),
      });
      return { Command: { CommandId } };
    },
    GetCommandInvocationCommand: ({ CommandId }: { CommandId: string }) => outputs.get(CommandId) ?? {},
    ...answers,
  };
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
    const { name } = command.constructor;
    asked.push({ name, input: command.input });
    const answer = all[name]?.(command.input as never) ?? {};
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const client = { send } as never;
  return { asked, ec2: client, ssm: client, scheduler: client, pause: async () => {} };
}
