import { randomUUID } from "node:crypto";
import {
  CreateFleetCommand,
  type CreateFleetResult,
  DeleteFleetsCommand,
  DescribeInstancesCommand,
  type Instance,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateScheduleCommand, DeleteScheduleCommand } from "@aws-sdk/client-scheduler";
import { DescribeInstanceInformationCommand, GetParameterCommand } from "@aws-sdk/client-ssm";
import type { AwsDescription } from "../../../lib/hosts/description.ts";
import { explainRefusal, fleetRequest, type Launch, type Market } from "../../../lib/hosts/fleet.ts";
import { partitionOf } from "../../../lib/hosts/policies.ts";
import { note } from "../../program/progress.ts";
import { HostTrouble } from "../machine.ts";
import type { AwsClients } from "./clients.ts";

/** Milliseconds until an instance that was started has to take commands. */
const BOOT_MS = 8 * 60_000;
const POLL_MS = 5_000;
/** How often, and how many milliseconds apart, a role that is not known yet is tried. */
const PROFILE_TRIES = 6;
const PROFILE_MS = 10_000;
/** Minutes after a test's time at which the scheduler ends what is still there. */
const SPARE_MINUTES = 5;
/** What the schedules of tests are called, so that leaks are found. */
export const SCHEDULE_PREFIX = "strata-smoke-";

/** An instance that was started for one test. */
export interface LaunchedInstance {
  readonly id: string;
  readonly fleet: string;
  readonly type: string;
  readonly zone: string;
  readonly subnet: string;
  readonly market: Market;
  readonly dollarsPerHour: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Id of the AMI to start: the newest one, asked for when an instance is started and not before. */
export async function chooseImage(
  { ami, amiParameter }: AwsDescription,
  { ssm }: AwsClients,
): Promise<string> {
  if (ami) return ami;
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: amiParameter }));
  if (!Parameter?.Value) throw new HostTrouble(`${amiParameter} names no AMI`);
  return Parameter.Value;
}

/**
 * Starts an instance in one of the subnets: spot where that is wanted and to be had, else on demand. From here on it
 * ends by itself at the latest, by a timer of its own and by a schedule outside.
 *
 * @param deadline milliseconds since 1970
 * @throws HostTrouble that says which capacity or quota is missing
 */
export async function launch(
  host: AwsDescription,
  subnets: readonly string[],
  deadline: number,
  clients: AwsClients,
): Promise<LaunchedInstance> {
  const image = await chooseImage(host, clients);
  const until = new Date(deadline + SPARE_MINUTES * 60_000);
  const refusals: string[] = [];
  const markets: readonly Market[] = host.spot ? ["spot", "on-demand"] : ["on-demand"];
  for (const market of markets) {
    const request = { market, image, subnets, until: until.toISOString() };
    const at = Date.now();
    const { FleetId = "", Instances, Errors = [] } = await createFleet(host, request, clients);
    const made = Instances?.find(({ InstanceIds = [] }) => InstanceIds.length > 0);
    const id = made?.InstanceIds?.[0];
    if (id) {
      try {
        await scheduleEnd(host, id, until, clients);
        const found = await describe(id, clients);
        const type = found?.InstanceType ?? made?.InstanceType ?? "";
        return {
          ...{ id, fleet: FleetId, type, market, at },
          zone: found?.Placement?.AvailabilityZone ?? "unknown",
          subnet: found?.SubnetId ?? "",
          dollarsPerHour: host.instances.find((instance) => instance.type === type)?.dollarsPerHour ?? 0,
        };
      } catch (error) {
        await terminateInstance({ id, fleet: FleetId }, clients);
        throw error;
      }
    }
    if (FleetId) await deleteFleet(FleetId, clients);
    refusals.push(explainRefusal(Errors, market, host));
  }
  throw new HostTrouble(refusals.join("; "));
}

/** A role that was made a moment ago is not known everywhere yet; then it is tried again. */
async function createFleet(
  host: AwsDescription,
  request: Omit<Launch, "token">,
  clients: AwsClients,
): Promise<CreateFleetResult> {
  for (let tries = 1; ; tries++) {
    // A request of the same token would get the same answer.
    const input = fleetRequest(host, { ...request, token: randomUUID() });
    const answer = await clients.ec2.send(new CreateFleetCommand(input));
    const isTooNew = (answer.Errors ?? []).some(({ ErrorMessage = "" }) =>
      /invalid iam instance profile/i.test(ErrorMessage),
    );
    if (!isTooNew || tries >= PROFILE_TRIES || answer.Instances?.length) return answer;
    if (answer.FleetId) await deleteFleet(answer.FleetId, clients);
    await clients.pause(PROFILE_MS);
  }
}

/** Has the instance ended at `until` by somebody who depends neither on it nor on us. */
async function scheduleEnd(
  { region, schedulerRole }: AwsDescription,
  id: string,
  until: Date,
  { scheduler }: AwsClients,
): Promise<void> {
  await scheduler.send(
    new CreateScheduleCommand({
      Name: `${SCHEDULE_PREFIX}${id}`,
      ScheduleExpression: `at(${until.toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: "UTC",
      FlexibleTimeWindow: { Mode: "OFF" },
      ActionAfterCompletion: "DELETE",
      Target: {
        Arn: `arn:${partitionOf(region)}:scheduler:::aws-sdk:ec2:terminateInstances`,
        RoleArn: schedulerRole,
        Input: JSON.stringify({ InstanceIds: [id] }),
      },
    }),
  );
}

/** Resolves when the instance takes commands. */
export async function waitForCommands(id: string, clients: AwsClients, signal: AbortSignal): Promise<void> {
  const end = Date.now() + BOOT_MS;
  for (;;) {
    const { InstanceInformationList = [] } = await clients.ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [id] }] }),
    );
    if (InstanceInformationList.some(({ PingStatus }) => PingStatus === "Online")) return;
    const gone = await whyGone(id, clients);
    if (gone) throw new HostTrouble(`${id} ${gone}`);
    if (signal.aborted) throw new HostTrouble("the test was interrupted");
    if (Date.now() > end) {
      throw new HostTrouble(
        `${id} takes no commands after ${BOOT_MS / 60_000} minutes: its subnet needs a way to Systems Manager`,
      );
    }
    await clients.pause(POLL_MS);
  }
}

/** Why an instance is going or gone, `was taken back (Server.SpotInstanceTermination)`; undefined while it is there. */
export async function whyGone(id: string, clients: AwsClients): Promise<string | undefined> {
  const instance = await describe(id, clients);
  if (!instance || instance.State?.Name === "pending" || instance.State?.Name === "running") return undefined;
  const code = instance.StateReason?.Code ?? "no reason";
  return code.includes("Spot") ? `was taken back by EC2 (${code})` : `is ${instance.State?.Name} (${code})`;
}

async function describe(id: string, { ec2 }: AwsClients): Promise<Instance | undefined> {
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
  { id, fleet }: Pick<LaunchedInstance, "id" | "fleet">,
  clients: AwsClients,
): Promise<void> {
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
  await clients.scheduler
    .send(new DeleteScheduleCommand({ Name: `${SCHEDULE_PREFIX}${id}` }))
    .catch((error: unknown) => {
      if (error instanceof Error && error.name === "ResourceNotFoundException") return;
      note(`the schedule ${SCHEDULE_PREFIX}${id} stays (${messageOf(error)}): npm run reaper removes it`);
    });
}

async function deleteFleet(fleet: string, { ec2 }: AwsClients): Promise<void> {
  // An instant fleet can only go together with what it started.
  await ec2
    .send(new DeleteFleetsCommand({ FleetIds: [fleet], TerminateInstances: true }))
    .catch((error: unknown) => note(`the record of fleet ${fleet} stays: ${messageOf(error)}`));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
