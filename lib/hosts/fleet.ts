import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CreateFleetCommandInput, CreateFleetError } from "@aws-sdk/client-ec2";
import type { AwsDescription } from "./description.ts";
import { PURPOSE, PURPOSE_TAG } from "./policies.ts";

/** Requests for EC2 Fleet, and what its refusals mean to people. */

export type Market = "spot" | "on-demand";

/** What one launch is about, beside the host's description. */
export interface Launch {
  readonly market: Market;
  /** Id of the AMI. */
  readonly image: string;
  /** One a zone, in the order in which they are tried. */
  readonly subnets: readonly string[];
  /** ISO time after which the instance is a leak. */
  readonly until: string;
  /** Makes a repeated request the same one. */
  readonly token: string;
}

/** An instant fleet of one instance: EC2 tries every type in every zone at once, and answers what it got. */
export function fleetRequest(
  { launchTemplate, launchTemplateVersion, instances, stack }: AwsDescription,
  { market, image, subnets, until, token }: Launch,
): CreateFleetCommandInput {
  const isSpot = market === "spot";
  const tags = Object.entries({
    Name: `strata-smoke-test ${stack}`,
    [PURPOSE_TAG]: PURPOSE,
    "strata:stack": stack,
    "strata:until": until,
  }).map(([Key, Value]) => ({ Key, Value }));
  return {
    Type: "instant",
    ClientToken: token,
    TargetCapacitySpecification: {
      TotalTargetCapacity: 1,
      SpotTargetCapacity: isSpot ? 1 : 0,
      OnDemandTargetCapacity: isSpot ? 0 : 1,
      DefaultTargetCapacityType: market,
    },
    ...(isSpot
      ? { SpotOptions: { AllocationStrategy: "price-capacity-optimized" } }
      : { OnDemandOptions: { AllocationStrategy: "prioritized" } }),
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: launchTemplate, Version: launchTemplateVersion },
        Overrides: instances.flatMap(({ type }, index) =>
          subnets.map((subnet) => ({
            InstanceType: type as never,
            SubnetId: subnet,
            ImageId: image,
            // Only on demand has an order; 0 is first.
            ...(isSpot ? {} : { Priority: index }),
          })),
        ),
      },
    ],
    TagSpecifications: [
      { ResourceType: "fleet", Tags: tags },
      { ResourceType: "instance", Tags: tags },
    ],
  };
}

/** EC2 takes no more, before base64. */
export const LONGEST_USER_DATA = 16_384;

/**
 * What an instance runs when it starts.
 *
 * @param minutes after which it ends itself, whatever happens
 */
export function userData(minutes: number): string {
  const [first = "", ...rest] = readFileSync(join(import.meta.dirname, "user-data.sh"), "utf8").split("\n");
  return [first, `MINUTES=${Math.ceil(minutes)}`, ...rest].join("\n");
}

/** A quota of Service Quotas. The code is missing where AWS has several for one name over time. */
interface Quota {
  readonly name: string;
  readonly code?: string;
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html, using-spot-limits.html */
function quotaOf(type: string, market: Market): Quota {
  if (type.startsWith("p")) {
    return market === "spot"
      ? { name: "All P Spot Instance Requests" }
      : { name: "Running On-Demand P instances", code: "L-417A185B" };
  }
  return market === "spot"
    ? { name: "All G and VT Spot Instance Requests", code: "L-3819A6DF" }
    : { name: "Running On-Demand G and VT instances", code: "L-DB2E81BA" };
}

const noCapacity = new Set([
  "InsufficientInstanceCapacity",
  "InsufficientCapacity",
  "InsufficientHostCapacity",
  "UnfulfillableCapacity",
  "SpotMaxPriceTooLow",
  "MaxSpotFleetRequestCountExceeded",
]);
const noQuota = new Set(["VcpuLimitExceeded", "MaxSpotInstanceCountExceeded", "InstanceLimitExceeded"]);
const notThere = new Set(["Unsupported", "InvalidFleetConfiguration"]);

/** Why a fleet got no instance, in one sentence a reason; each reason once, however many types and zones have it. */
export function explainRefusal(
  errors: readonly CreateFleetError[],
  market: Market,
  { region, instances }: Pick<AwsDescription, "region" | "instances">,
): string {
  const reasons = Map.groupBy(errors, ({ ErrorCode: code = "" }) => {
    if (noCapacity.has(code)) return "capacity";
    if (noQuota.has(code)) return "quota";
    return notThere.has(code) ? "absent" : code;
  });
  const sentences = [...reasons].map(([reason, group]) => {
    const types = typesOf(group);
    switch (reason) {
      case "capacity":
        return `${region} has no ${market} capacity for ${types.join(", ")} at the moment`;
      case "quota":
        return quotaSentence(types, market, region, instances);
      case "absent":
        return `${types.join(", ")} cannot be had in ${zonesOf(group).join(", ") || region}`;
      default:
        return `${reason}: ${group[0]?.ErrorMessage ?? "EC2 gives no reason"}`;
    }
  });
  return sentences.join("; ") || `EC2 gave no instance and no reason (${market})`;
}

function quotaSentence(
  types: readonly string[],
  market: Market,
  region: string,
  instances: AwsDescription["instances"],
): string {
  const needed = Math.min(
    ...instances.filter(({ type }) => types.includes(type)).map(({ processors }) => processors),
  );
  const { name, code } = quotaOf(types[0] ?? "", market);
  const page = `https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas`;
  return `the quota "${name}" of ${region} is too small: a test needs ${needed} vCPUs of it. Ask for more: ${page}${code ? `/${code}` : ""}`;
}

function typesOf(errors: readonly CreateFleetError[]): string[] {
  return [...new Set(errors.flatMap((error) => overridesOf(error)?.InstanceType ?? []))];
}

function zonesOf(errors: readonly CreateFleetError[]): string[] {
  return [
    ...new Set(
      errors.flatMap((error) => overridesOf(error)?.AvailabilityZone ?? overridesOf(error)?.SubnetId ?? []),
    ),
  ];
}

function overridesOf(error: CreateFleetError) {
  return error.LaunchTemplateAndOverrides?.Overrides;
}
