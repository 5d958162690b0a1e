import {
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  type Instance,
  type Tag,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DeleteScheduleCommand, ListSchedulesCommand } from "@aws-sdk/client-scheduler";
import { DeleteParameterCommand, DescribeParametersCommand } from "@aws-sdk/client-ssm";
import { LOGIN_PARAMETERS, PURPOSE_TAG, purposes, schedulePrefixes } from "../../../lib/hosts/policies.ts";
import type { AwsClients } from "./clients.ts";

/** Something that a test or a builder of heavy stages made in a region. */
export interface TestResource {
  readonly kind: "instance" | "volume" | "schedule" | "parameter";
  readonly id: string;
  /** `strata/ada`; empty where nobody says. */
  readonly stack: string;
  readonly detail: string;
  /** Why it should not be there any more; undefined while a test uses it. */
  readonly leak: string | undefined;
}

const ofTests = { Name: `tag:${PURPOSE_TAG}`, Values: [...purposes] };
const there = ["pending", "running", "stopping", "stopped"];

/** Everything that tests of any stack have made in a region and that is still there. */
export async function findTestResources(clients: AwsClients, now: Date): Promise<TestResource[]> {
  const instances = await pages(async (NextToken) => {
    const Filters = [ofTests, { Name: "instance-state-name", Values: there }];
    const { Reservations = [], NextToken: next } = await clients.ec2.send(
      new DescribeInstancesCommand({ Filters, NextToken }),
    );
    return { items: Reservations.flatMap(({ Instances = [] }) => Instances), next };
  });
  const volumes = await pages(async (NextToken) => {
    const Filters = [ofTests, { Name: "status", Values: ["available"] }];
    const { Volumes = [], NextToken: next } = await clients.ec2.send(
      new DescribeVolumesCommand({ Filters, NextToken }),
    );
    return { items: Volumes, next };
  });
  const schedules = await schedulesOf(clients);
  const parameters = await pages(async (NextToken) => {
    const ParameterFilters = [{ Key: "Name", Option: "BeginsWith", Values: [`${LOGIN_PARAMETERS}/`] }];
    const { Parameters = [], NextToken: next } = await clients.ssm.send(
      new DescribeParametersCommand({ ParameterFilters, NextToken }),
    );
    return { items: Parameters, next };
  });
  const ids = new Set(instances.map(({ InstanceId }) => InstanceId));
  const stacks = new Set(instances.map(({ Tags }) => tag(Tags, "strata:stack")));
  return [
    ...instances.map((instance) => instanceResource(instance, now)),
    ...volumes.map(({ VolumeId: id = "", Size, Tags }) => ({
      kind: "volume" as const,
      id,
      stack: tag(Tags, "strata:stack"),
      detail: `${Size} GiB`,
      leak: "belongs to no instance",
    })),
    ...schedules.map(({ id, instance }) => ({
      kind: "schedule" as const,
      id,
      stack: "",
      detail: "",
      leak: ids.has(instance) ? undefined : "its instance is gone",
    })),
    ...parameters.map(({ Name: id = "" }) => {
      const stack = id.slice(LOGIN_PARAMETERS.length + 1).replace(/\/[^/]*$/, "");
      const leak = stacks.has(stack) ? undefined : "no test of its stack is running";
      return { kind: "parameter" as const, id, stack, detail: "a login", leak };
    }),
  ];
}

/** The schedules that end instances, and which instance each is for. */
async function schedulesOf({ scheduler }: AwsClients): Promise<{ id: string; instance: string }[]> {
  const named = await pages(async (NextToken) => {
    const { Schedules = [], NextToken: next } = await scheduler.send(
      new ListSchedulesCommand({ NamePrefix: "strata-", NextToken }),
    );
    return { items: Schedules, next };
  });
  return named.flatMap(({ Name: id = "" }) => {
    const prefix = Object.values(schedulePrefixes).find((each) => id.startsWith(each));
    return prefix === undefined ? [] : [{ id, instance: id.slice(prefix.length) }];
  });
}

function instanceResource(
  { InstanceId: id = "", InstanceType, State, LaunchTime, Tags }: Instance,
  now: Date,
): TestResource {
  const until = tag(Tags, "strata:until");
  const isOver = !(Date.parse(until) > now.getTime());
  const hours = LaunchTime ? (now.getTime() - LaunchTime.getTime()) / 3_600_000 : 0;
  return {
    kind: "instance",
    id,
    stack: tag(Tags, "strata:stack"),
    detail: `${tag(Tags, PURPOSE_TAG) === "builder" ? "builder, " : ""}${InstanceType}, ${State?.Name}, ${hours.toFixed(1)} h old`,
    leak: isOver ? `its time was over at ${until || "an unknown time"}` : undefined,
  };
}

/** Removes what was found. */
export async function removeTestResource(
  { kind, id }: TestResource,
  { ec2, ssm, scheduler }: AwsClients,
): Promise<void> {
  switch (kind) {
    case "instance":
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      return;
    case "volume":
      await ec2.send(new DeleteVolumeCommand({ VolumeId: id }));
      return;
    case "schedule":
      await scheduler.send(new DeleteScheduleCommand({ Name: id }));
      return;
    case "parameter":
      await ssm.send(new DeleteParameterCommand({ Name: id }));
  }
}

async function pages<T>(
  page: (token: string | undefined) => Promise<{ items: readonly T[]; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const { items, next } = await page(token);
    all.push(...items);
    token = next;
  } while (token);
  return all;
}

function tag(tags: readonly Tag[] | undefined, key: string): string {
  return tags?.find(({ Key }) => Key === key)?.Value ?? "";
}
