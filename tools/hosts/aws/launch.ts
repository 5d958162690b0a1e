import { randomUUID } from "node:crypto";
import { CreateFleetCommand, type CreateFleetResult } from "@aws-sdk/client-ec2";
import { CreateScheduleCommand } from "@aws-sdk/client-scheduler";
import { GetParameterCommand } from "@aws-sdk/client-ssm";
import type { RentedDescription } from "../../../lib/hosts/description.ts";
import { explainRefusal, fleetRequest, type Launch, type Market } from "../../../lib/hosts/fleet.ts";
import { partitionOf, schedulePrefixes } from "../../../lib/hosts/policies.ts";
import { HostTrouble } from "../machine.ts";
import type { TestRequest } from "../test-host.ts";
import type { AwsClients } from "./clients.ts";
import {
  deleteFleet,
  describeInstance,
  type EndingInstance,
  type LaunchedInstance,
  terminateInstance,
} from "./instance.ts";

/** How often, and how many milliseconds apart, a role that is not known yet is tried. */
const PROFILE_TRIES = 6;
const PROFILE_MS = 10_000;
/** The same for the scheduler's role: two minutes, as Terraform's provider waits for it. */
const SCHEDULER_TRIES = 24;
const SCHEDULER_MS = 5_000;
/** Minutes after a test's time at which the scheduler ends what is still there. */
const SPARE_MINUTES = 5;

/** Id of the AMI to start: the newest one, asked for when an instance is started and not before. */
export async function chooseImage(
  { ami, amiParameter }: RentedDescription,
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
 * @param limits until when the test may take, in milliseconds since 1970, and who interrupts it
 * @param onInstance hears of it at once
 * @throws HostTrouble that says which capacity or quota is missing
 */
export async function launch(
  host: RentedDescription,
  subnets: readonly string[],
  { deadline, signal }: Pick<TestRequest, "deadline" | "signal">,
  clients: AwsClients,
  onInstance: (instance: EndingInstance) => void = () => {},
): Promise<LaunchedInstance> {
  const image = await chooseImage(host, clients);
  const until = new Date(deadline + SPARE_MINUTES * 60_000);
  const refusals: string[] = [];
  const markets: readonly Market[] = host.spot ? ["spot", "on-demand"] : ["on-demand"];
  for (const market of markets) {
    refuseInterrupted(signal);
    const request = { market, image, subnets, until: until.toISOString() };
    const at = Date.now();
    const { FleetId = "", Instances, Errors = [] } = await createFleet(host, request, signal, clients);
    const made = Instances?.find(({ InstanceIds = [] }) => InstanceIds.length > 0);
    const id = made?.InstanceIds?.[0];
    if (id) {
      const ending = { id, fleet: FleetId, purpose: host.purpose };
      onInstance(ending);
      try {
        // Nothing answers for a request that is on its way: what it made is ended.
        refuseInterrupted(signal);
        await scheduleEnd(host, id, { until, signal }, clients);
        const described = await describeInstance(id, clients);
        const type = described?.InstanceType ?? made?.InstanceType ?? "";
        return {
          ...ending,
          type,
          market,
          at,
          zone: described?.Placement?.AvailabilityZone ?? "unknown",
          subnet: described?.SubnetId ?? "",
          dollarsPerHour: host.instances.find((instance) => instance.type === type)?.dollarsPerHour ?? 0,
        };
      } catch (error) {
        await terminateInstance(ending, clients);
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
  host: RentedDescription,
  request: Omit<Launch, "token">,
  signal: AbortSignal,
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
    await clients.pause(PROFILE_MS, signal);
    refuseInterrupted(signal);
  }
}

function refuseInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new HostTrouble("the test was interrupted");
}

/**
 * Has the instance ended at `until` by somebody who depends neither on it nor on us. A role that was made a moment ago is
 * waited for here too: the scheduler says that it may not assume it.
 */
async function scheduleEnd(
  { region, schedulerRole, purpose = "smoke-test" }: RentedDescription,
  id: string,
  { until, signal }: { readonly until: Date; readonly signal: AbortSignal },
  { scheduler, pause }: AwsClients,
): Promise<void> {
  const command = new CreateScheduleCommand({
    Name: `${schedulePrefixes[purpose]}${id}`,
    ScheduleExpression: `at(${until.toISOString().slice(0, 19)})`,
    ScheduleExpressionTimezone: "UTC",
    FlexibleTimeWindow: { Mode: "OFF" },
    ActionAfterCompletion: "DELETE",
    Target: {
      Arn: `arn:${partitionOf(region)}:scheduler:::aws-sdk:ec2:terminateInstances`,
      RoleArn: schedulerRole,
      Input: JSON.stringify({ InstanceIds: [id] }),
    },
  });
  for (let tries = 1; ; tries++) {
    try {
      await scheduler.send(command);
      return;
    } catch (error) {
      if (!isRoleTooNew(error) || tries >= SCHEDULER_TRIES) throw error;
    }
    await pause(SCHEDULER_MS, signal);
    refuseInterrupted(signal);
  }
}

function isRoleTooNew(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.name === "ValidationException" &&
    error.message.includes("must allow AWS EventBridge Scheduler to assume the role")
  );
}
