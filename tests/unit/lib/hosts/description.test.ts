import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostDescription, needsGpu, parseTest, testLimits } from "../../../../lib/hosts/description.ts";

const machine = { engine: "podman", gpu: true, keepImage: false } as const;
const hosts: readonly HostDescription[] = [
  { kind: "builder" },
  { kind: "docker", ...machine, engine: "docker" },
  { kind: "ssh", address: "a", port: 22, user: "u", hostKey: "k", sudo: true, ...machine, gpu: false },
  {
    kind: "aws",
    region: "us-east-1",
    stack: "strata/ada",
    spot: true,
    instances: [{ type: "g6.xlarge", dollarsPerHour: 0.8, processors: 4 }],
    subnets: ["subnet-1", "subnet-2"],
    launchTemplate: "lt",
    launchTemplateVersion: "7",
    schedulerRole: "arn",
    loginParameter: "/p",
    amiParameter: "/ami",
  },
  { kind: "builder", gpu: true, frontend: `docker/dockerfile@sha256:${"a".repeat(64)}` },
];
const limits = testLimits({ generation: "ampere", cuda: "13.0", budget: { dollars: 5, minutes: 45 } });
const parsed = (change: object = {}) => parseTest(JSON.stringify({ ...limits, hosts, ...change }));

test("what a component wrote comes back as it was, and nothing is left out or added", () => {
  assert.deepEqual(limits, {
    computeCapabilities: ["8.0", "8.6"],
    minimumDriver: "580.65.06",
    budget: { dollars: 5, minutes: 45 },
  });
  assert.deepEqual(parsed(), { ...limits, hosts });
  for (const [change, problem] of [
    [{ hosts: [] }, /STRATA_TEST\.hosts/],
    [{ hosts: [{ kind: "cloud" }] }, /STRATA_TEST\.hosts\.0\.kind/],
    [{ hosts: [{ ...hosts[0], more: 1 }] }, /STRATA_TEST\.hosts\.0\.more/],
    [{ hosts: [{ ...hosts[1], engine: "lxc" }] }, /STRATA_TEST\.hosts\.0\.engine/],
    [{ hosts: [{ ...hosts[1], more: 1 }] }, /more/],
    [{ hosts: [{ ...hosts[2], port: 0.5 }] }, /STRATA_TEST\.hosts\.0\.port/],
    [{ hosts: [{ ...hosts[2], more: 1 }] }, /more/],
    [{ hosts: [{ ...hosts[3], subnets: [] }] }, /STRATA_TEST\.hosts\.0\.subnets/],
    [{ hosts: [{ ...hosts[3], instances: [{ type: "g6.xlarge" }] }] }, /instances\.0\.dollarsPerHour/],
    [{ hosts: [{ ...hosts[3], more: 1 }] }, /more/],
    [{ budget: { dollars: 5 } }, /STRATA_TEST\.budget\.minutes/],
    [{ more: 1 }, /STRATA_TEST\.more/],
  ] as const) {
    assert.throws(() => parsed(change), problem);
  }
});

test("a test is one on a GPU on EC2 always, in the builder where it is said, elsewhere as the host says", () => {
  assert.deepEqual(hosts.map(needsGpu), [false, true, false, true, true]);
  assert.equal(needsGpu({ kind: "builder", gpu: false }), false);
});
