import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateFleetError } from "@aws-sdk/client-ec2";
import { explainRefusal, fleetRequest, type Market } from "../../../../lib/hosts/fleet.ts";

const host = {
  region: "eu-central-1",
  instances: [
    { type: "g6.xlarge", dollarsPerHour: 0.8, processors: 4 },
    { type: "g6.2xlarge", dollarsPerHour: 1, processors: 8 },
    { type: "p5.4xlarge", dollarsPerHour: 6.9, processors: 16 },
  ],
};

const error = (code: string, type: string, zone: string, message = "m") =>
  ({
    ErrorCode: code,
    ErrorMessage: message,
    LaunchTemplateAndOverrides: { Overrides: { InstanceType: type, AvailabilityZone: zone } },
  }) as CreateFleetError;

const explained = (errors: CreateFleetError[], market: Market = "on-demand") =>
  explainRefusal(errors, market, host);

test("a quota that is too small: which one, where, how much is needed, and where to ask", () => {
  const page = "https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas";
  const quota = (name: string, processors: number, code = "") =>
    `the quota "${name}" of eu-central-1 is too small: a test needs ${processors} vCPUs of it. Ask for more: ${page}${code}`;
  const both = (code: string) => [error(code, "g6.xlarge", "a"), error(code, "g6.2xlarge", "b")];
  assert.equal(
    explained(both("VcpuLimitExceeded")),
    quota("Running On-Demand G and VT instances", 4, "/L-DB2E81BA"),
  );
  assert.equal(
    explained(both("MaxSpotInstanceCountExceeded"), "spot"),
    quota("All G and VT Spot Instance Requests", 4, "/L-3819A6DF"),
  );
  assert.equal(
    explained([error("VcpuLimitExceeded", "p5.4xlarge", "a")]),
    quota("Running On-Demand P instances", 16, "/L-417A185B"),
  );
  assert.equal(
    explained([error("MaxSpotInstanceCountExceeded", "p5.4xlarge", "a")], "spot"),
    quota("All P Spot Instance Requests", 16),
  );
});

test("each reason once, however many types and zones have it", () => {
  assert.equal(
    explained([
      error("InsufficientInstanceCapacity", "g6.xlarge", "eu-central-1a"),
      error("InsufficientInstanceCapacity", "g6.xlarge", "eu-central-1b"),
      error("UnfulfillableCapacity", "g6.2xlarge", "eu-central-1a"),
      error("Unsupported", "p5.4xlarge", "eu-central-1a"),
      error("Unsupported", "p5.4xlarge", "eu-central-1b"),
    ]),
    "eu-central-1 has no on-demand capacity for g6.xlarge, g6.2xlarge at the moment; p5.4xlarge cannot be had in eu-central-1a, eu-central-1b",
  );
});

test("what is not known is told in EC2's own words; nothing at all as well", () => {
  assert.equal(
    explained([error("UnauthorizedOperation", "g6.xlarge", "a", "You are not authorized")]),
    "UnauthorizedOperation: You are not authorized",
  );
  assert.equal(explained([], "spot"), "EC2 gave no instance and no reason (spot)");
});

test("one instance: of every type in every zone, on the market that was asked for", () => {
  const description = { ...host, launchTemplate: "lt", launchTemplateVersion: "7", stack: "strata/ada" };
  const launch = { image: "ami", subnets: ["s1", "s2"], until: "2026-01-01T00:00:00Z", token: "t" };
  const request = (market: Market) => fleetRequest(description as never, { ...launch, market });
  const tags = [
    { Key: "Name", Value: "strata-smoke-test strata/ada" },
    { Key: "strata:purpose", Value: "smoke-test" },
    { Key: "strata:stack", Value: "strata/ada" },
    { Key: "strata:until", Value: launch.until },
  ];
  const overrides = (priority: boolean) =>
    host.instances.flatMap(({ type }, index) =>
      launch.subnets.map((SubnetId) => ({
        ...{ InstanceType: type, SubnetId, ImageId: "ami" },
        ...(priority && { Priority: index }),
      })),
    );
  const expected = (isSpot: boolean) => ({
    Type: "instant",
    ClientToken: "t",
    TargetCapacitySpecification: {
      TotalTargetCapacity: 1,
      SpotTargetCapacity: isSpot ? 1 : 0,
      OnDemandTargetCapacity: isSpot ? 0 : 1,
      DefaultTargetCapacityType: isSpot ? "spot" : "on-demand",
    },
    ...(isSpot
      ? { SpotOptions: { AllocationStrategy: "price-capacity-optimized" } }
      : { OnDemandOptions: { AllocationStrategy: "prioritized" } }),
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: "lt", Version: "7" },
        Overrides: overrides(!isSpot),
      },
    ],
    TagSpecifications: [
      { ResourceType: "fleet", Tags: tags },
      { ResourceType: "instance", Tags: tags },
    ],
  });
  assert.deepEqual(request("spot"), expected(true));
  assert.deepEqual(request("on-demand"), expected(false));
});

test("each code of EC2 has the sentence that helps", () => {
  const sentence = (code: string) => explained([error(code, "g6.xlarge", "zone")]);
  for (const code of [
    "InsufficientInstanceCapacity",
    "InsufficientCapacity",
    "InsufficientHostCapacity",
    "UnfulfillableCapacity",
    "SpotMaxPriceTooLow",
    "MaxSpotFleetRequestCountExceeded",
  ])
    assert.match(sentence(code), /^eu-central-1 has no on-demand capacity for g6\.xlarge/, code);
  for (const code of ["VcpuLimitExceeded", "MaxSpotInstanceCountExceeded", "InstanceLimitExceeded"])
    assert.match(sentence(code), /^the quota /, code);
  for (const code of ["Unsupported", "InvalidFleetConfiguration"])
    assert.equal(sentence(code), "g6.xlarge cannot be had in zone", code);
  // EC2 does not always say of what it speaks.
  assert.equal(explained([{ ErrorCode: "Odd" }]), "Odd: EC2 gives no reason");
  assert.equal(
    explained([{ ErrorCode: "Unsupported", LaunchTemplateAndOverrides: { Overrides: { SubnetId: "s" } } }]),
    " cannot be had in s",
  );
  assert.equal(explained([{ ErrorCode: "Unsupported" }]), " cannot be had in eu-central-1");
  const two = [error("Unsupported", "a.1", "z1"), error("Unsupported", "a.2", "z2")];
  assert.equal(explained(two), "a.1, a.2 cannot be had in z1, z2");
});
