/**
 * Ends what a test has on AWS when the process that began it is gone without a word: Pulumi's official command provider kills it
 * outright when it is cancelled (exec.CommandContext, pulumi-command provider/pkg/provider/util). Started by guard.ts, which
 * tells on stdin what there is, a JSON object a line; stdin that ends without `done` is that process's end. A session of its
 * own keeps it from the signals that end the other.
 */
import { createInterface } from "node:readline";
import { DeleteParameterCommand } from "@aws-sdk/client-ssm";
import { z } from "zod";
import { purposes } from "../../../lib/hosts/policies.ts";
import { deferInterrupts, main } from "../../program/main.ts";
import { awsClients } from "./clients.ts";
import { terminateInstance } from "./instance.ts";

const message = z.strictObject({
  instance: z
    .strictObject({ id: z.string(), fleet: z.string(), purpose: z.enum(purposes).optional() })
    .optional(),
  /** A login; null once it is gone. */
  parameter: z.string().nullable().optional(),
  done: z.literal(true).optional(),
});
/** What this test has. */
export type GuardMessage = z.infer<typeof message>;

await main(async () => {
  const [region = "", profile] = process.argv.slice(2);
  const clients = awsClients({ region, profile });
  // Whoever cleans up after a job may signal this one too, which ends by itself.
  const { instance, parameter, done } = await deferInterrupts(() => {}, readAll);
  if (done) return 0;
  await Promise.allSettled([
    instance && terminateInstance(instance, clients),
    parameter && clients.ssm.send(new DeleteParameterCommand({ Name: parameter })),
  ]);
  return 0;
});

async function readAll(): Promise<GuardMessage> {
  let has: GuardMessage = {};
  for await (const line of createInterface({ input: process.stdin })) {
    has = { ...has, ...message.parse(JSON.parse(line)) };
    if (has.done) break;
  }
  return has;
}
