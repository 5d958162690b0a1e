import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CreateFleetCommandInput, CreateFleetError } from "@aws-sdk/client-ec2";
import type { RentedDescription } from "./description.ts";
import { PURPOSE_TAG } from "./policies.ts";

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
  { launchTemplate, launchTemplateVersion, instances, stack, purpose = "smoke-test" }: RentedDescription,
  { market, image, subnets, until, token }: Launch,
): CreateFleetCommandInput {
  const isSpot = market === "spot";
  const tags = Object.entries({
    Name: `strata-${purpose} ${stack}`,
    [PURPOSE_TAG]: purpose,
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
 * What an instance runs when it starts, to be tested on.
 *
 * @param minutes after which it ends itself, whatever happens
 */
export function userData(minutes: number): string {
  return startScript({ MINUTES: String(Math.ceil(minutes)) }, "docker-data.sh");
}

/** What an instance runs when it starts, to build. @param release the archive of BuildKit */
export function builderData(minutes: number, release: string): string {
  return startScript({ MINUTES: String(Math.ceil(minutes)), RELEASE: release }, "builder-data.sh");
}

/** What a builder runs when somebody comes for it, with a client's public key as input. */
export function builderKeys(): string {
  return readFileSync(join(import.meta.dirname, "builder-keys.sh"), "utf8");
}

function startScript(settings: Readonly<Record<string, string>>, file: string): string {
  const read = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return ["#!/bin/bash", ...lines, read("instance.sh"), read(file), read("begin.sh")].join("\n");
}

/** A quota of Service Quotas. The code is missing where AWS has several for one name over time. */
interface Quota {
  readonly name: string;
  readonly code?: string;
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html, using-spot-limits.html */
function quotaOf(type: string, market: Market): Quota {
  if (/^[mr]\d/.test(type)) {
    const standard = "Standard (A, C, D, H, I, M, R, T, Z)";
    return market === "spot"
      ? { name: `All ${standard} Spot Instance Requests`, code: "L-34B43A08" }
      : { name: `Running On-Demand ${standard} instances`, code: "L-1216C47A" };
  }
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
  { region, instances, purpose }: Pick<RentedDescription, "region" | "instances" | "purpose">,
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
        return quotaSentence(types, market, { region, instances, purpose });
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
  { region, instances, purpose }: Pick<RentedDescription, "region" | "instances" | "purpose">,
): string {
  const needed = Math.min(
    ...instances.filter(({ type }) => types.includes(type)).map(({ processors }) => processors),
  );
  const { name, code } = quotaOf(types[0] ?? "", market);
  const page = `https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas`;
  return `the quota "${name}" of ${region} is too small: a ${purpose ?? "test"} needs ${needed} vCPUs of it. Ask for more: ${page}${code ? `/${code}` : ""}`;
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
