import assert from "node:assert/strict";
import { test } from "node:test";
import { findTestResources, removeTestResource } from "../../../../../tools/hosts/aws/leaks.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { fakeAws } from "./fake-aws.ts";

const now = new Date("2026-01-01T12:00:00Z");

const instance = (id: string, stack: string, until: string | undefined, purpose = "smoke-test") => ({
  InstanceId: id,
  InstanceType: "g6.xlarge",
  State: { Name: "running" },
  LaunchTime: new Date("2026-01-01T10:30:00Z"),
  Tags: [
    { Key: "strata:stack", Value: stack },
    { Key: "strata:purpose", Value: purpose },
    ...(until ? [{ Key: "strata:until", Value: until }] : []),
  ],
});

test("what is there: over pages, with what a test still uses and what it does not", async (t) => {
  const aws = fakeAws(temporaryFolder(t), {
    DescribeInstancesCommand: ({ NextToken }: { NextToken?: string }) =>
      NextToken
        ? { Reservations: [{ Instances: [instance("i-3", "strata/ada", undefined)] }] }
        : {
            NextToken: "more",
            Reservations: [
              { Instances: [instance("i-1", "strata/ada", "2026-01-01T12:30:00Z")] },
              { Instances: [instance("i-2", "strata/hopper", "2026-01-01T11:30:00Z")] },
              { Instances: [instance("i-4", "strata/ada", "2026-01-01T11:30:00Z", "builder")] },
            ],
          },
    DescribeVolumesCommand: () => ({ Volumes: [{ VolumeId: "vol-1", Size: 97, Tags: [] }] }),
    ListSchedulesCommand: () => ({
      Schedules: ["smoke-i-1", "smoke-i-9", "builder-i-4", "builder-i-8", "somebody-elses"].map((name) => ({
        Name: `strata-${name}`,
      })),
    }),
    DescribeParametersCommand: () => ({
      Parameters: [
        { Name: "/strata/smoke-test/strata/ada/starter-host" },
        { Name: "/strata/smoke-test/strata/turing/starter-host" },
      ],
    }),
  });
  const found = await findTestResources(aws, now);
  assert.deepEqual(
    found.map(
      ({ kind, id, stack, detail, leak }) => `${kind} ${id} (${stack}, ${detail}): ${leak ?? "in use"}`,
    ),
    [
      "instance i-1 (strata/ada, g6.xlarge, running, 1.5 h old): in use",
      "instance i-2 (strata/hopper, g6.xlarge, running, 1.5 h old): its time was over at 2026-01-01T11:30:00Z",
      "instance i-4 (strata/ada, builder, g6.xlarge, running, 1.5 h old): its time was over at 2026-01-01T11:30:00Z",
      "instance i-3 (strata/ada, g6.xlarge, running, 1.5 h old): its time was over at an unknown time",
      "volume vol-1 (, 97 GiB): belongs to no instance",
      "schedule strata-smoke-i-1 (, ): in use",
      "schedule strata-smoke-i-9 (, ): its instance is gone",
      "schedule strata-builder-i-4 (, ): in use",
      "schedule strata-builder-i-8 (, ): its instance is gone",
      "parameter /strata/smoke-test/strata/ada/starter-host (strata/ada, a login): in use",
      "parameter /strata/smoke-test/strata/turing/starter-host (strata/turing, a login): no test of its stack is running",
    ],
  );
  const [first] = aws.asked;
  assert.deepEqual(first?.input.Filters, [
    { Name: "tag:strata:purpose", Values: ["smoke-test", "builder"] },
    { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
  ]);
});

test("each kind is removed in its own way", async (t) => {
  const aws = fakeAws(temporaryFolder(t));
  const nothing = { stack: "", detail: "", leak: "" };
  for (const kind of ["instance", "volume", "schedule", "parameter"] as const) {
    await removeTestResource({ kind, id: `the-${kind}`, ...nothing }, aws);
  }
  assert.deepEqual(aws.asked, [
    { name: "TerminateInstancesCommand", input: { InstanceIds: ["the-instance"] } },
    { name: "DeleteVolumeCommand", input: { VolumeId: "the-volume" } },
    { name: "DeleteScheduleCommand", input: { Name: "the-schedule" } },
    { name: "DeleteParameterCommand", input: { Name: "the-parameter" } },
  ]);
});
