import {
  DeleteFleetsCommand,
  DescribeInstancesCommand,
  type Instance,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DeleteScheduleCommand } from "@aws-sdk/client-scheduler";
import { DescribeInstanceInformationCommand } from "@aws-sdk/client-ssm";
import type { Market } from "../../../lib/hosts/fleet.ts";
import { type Purpose, schedulePrefixes } from "../../../lib/hosts/policies.ts";
import { note } from "../../program/progress.ts";
import { HostTrouble } from "../machine.ts";
import type { AwsClients } from "./clients.ts";

/** Milliseconds until an instance that was started has to take commands. */
const BOOT_MS = 8 * 60_000;
const POLL_MS = 5_000;
/** What ending an instance takes. */
export interface EndingInstance {
  readonly id: string;
  readonly fleet: string;
  /** @default a test */
  readonly purpose?: Purpose | undefined;
}

/** An instance that was started for one test, or for the heavy stages of one update. */
export interface LaunchedInstance extends EndingInstance {
  readonly type: string;
  readonly zone: string;
  readonly subnet: string;
  readonly market: Market;
  readonly dollarsPerHour: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Resolves when the instance takes commands. */
export async function waitForCommands(id: string, clients: AwsClients, signal: AbortSignal): Promise<void> {
  const end = Date.now() + BOOT_MS;
  for (;;) {
    if (signal.aborted) throw new HostTrouble("the test was interrupted");
    const { InstanceInformationList = [] } = await clients.ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [id] }] }),
    );
    if (InstanceInformationList.some(({ PingStatus }) => PingStatus === "Online")) return;
    const gone = await whyGone(id, clients);
    if (gone && !signal.aborted) throw new HostTrouble(`${id} ${gone}`);
    if (Date.now() > end) {
      throw new HostTrouble(
        `${id} takes no commands after ${BOOT_MS / 60_000} minutes: its subnet needs a way to Systems Manager`,
      );
    }
    await clients.pause(POLL_MS, signal);
  }
}

/** Why an instance is going or gone, `was taken back (Server.SpotInstanceTermination)`; undefined while it is there. */
export async function whyGone(id: string, clients: AwsClients): Promise<string | undefined> {
  const instance = await describeInstance(id, clients);
  if (!instance || instance.State?.Name === "pending" || instance.State?.Name === "running") return undefined;
  const code = instance.StateReason?.Code ?? "no reason";
  return code.includes("Spot") ? `was taken back by EC2 (${code})` : `is ${instance.State?.Name} (${code})`;
}

/** What EC2 knows of an instance; undefined where it knows none yet. */
export async function describeInstance(id: string, { ec2 }: AwsClients): Promise<Instance | undefined> {
  const answer = await ec2
    .send(new DescribeInstancesCommand({ InstanceIds: [id] }))
    .catch((error: unknown) => {
      // It takes a moment until everybody at EC2 knows of an instance.
      if (error instanceof Error && error.name === "InvalidInstanceID.NotFound") return undefined;
      throw error;
    });
  return answer?.Reservations?.flatMap(({ Instances = [] }) => Instances)[0];
}

/** Ends the instance, and takes away what only watched over it. Failing to do so is told, as somebody has to know. */
export async function terminateInstance(
  { id, fleet, purpose }: EndingInstance,
  clients: AwsClients,
): Promise<void> {
  const schedule = `${schedulePrefixes[purpose ?? "smoke-test"]}${id}`;
  try {
    await clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  } catch (error) {
    note(
      `${id} could not be ended (${messageOf(error)}): it ends itself; npm run reaper shows whether it did`,
    );
    // Whoever watches over it stays.
    return;
  }
  await deleteFleet(fleet, clients);
  await clients.scheduler.send(new DeleteScheduleCommand({ Name: schedule })).catch((error: unknown) => {
    if (error instanceof Error && error.name === "ResourceNotFoundException") return;
    note(`the schedule ${schedule} stays (${messageOf(error)}): npm run reaper removes it`);
  });
}

/** Removes the record of a fleet. Failing to do so is told, and costs nothing. */
export async function deleteFleet(fleet: string, { ec2 }: AwsClients): Promise<void> {
  // An instant fleet can only go together with what it started.
  await ec2
    .send(new DeleteFleetsCommand({ FleetIds: [fleet], TerminateInstances: true }))
    .catch((error: unknown) => note(`the record of fleet ${fleet} stays: ${messageOf(error)}`));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
