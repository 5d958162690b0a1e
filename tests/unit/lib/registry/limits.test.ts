import assert from "node:assert/strict";
import { test } from "node:test";
import {
  layerProblems,
  limitsKind,
  oversized,
  registryLimits,
  slowestUpload,
} from "../../../../lib/registry/limits.ts";
import type { RegistrySetting } from "../../../../lib/registry/registry-setting.ts";

const GB = 1e9;
const oci = (address: string): RegistrySetting => ({ kind: "oci", address, repository: "strata" });

test("the address says whose limits hold, whatever kind it was configured as", () => {
  assert.equal(limitsKind({ kind: "local", repository: "strata" }), "local");
  assert.equal(limitsKind({ kind: "ghcr", owner: "a", repository: "strata" }), "ghcr");
  assert.equal(limitsKind(oci("ghcr.io")), "ghcr");
  assert.equal(limitsKind(oci("registry-1.docker.io:443")), "docker-hub");
  assert.equal(limitsKind(oci("docker.io")), "docker-hub");
  assert.equal(limitsKind(oci("123456789012.dkr.ecr.us-east-1.amazonaws.com")), "ecr");
  assert.equal(limitsKind(oci("reg.example:5000")), "oci");
  assert.equal(limitsKind(oci("evil-ghcr.io")), "oci");
  const ecr = "123456789012.dkr.ecr";
  for (const host of [
    `${ecr}-fips.us-gov-west-1.amazonaws.com:443`,
    `${ecr}.cn-north-1.amazonaws.com.cn`,
    `${ecr}.us-east-1.amazonaws.com:1`,
  ])
    assert.equal(limitsKind(oci(host)), "ecr", host);
  for (const host of [
    "evildocker.io",
    "docker.io.example.org",
    `${ecr}.us-east-1.amazonaws.com.example.org`,
    `${ecr}.us-east-1xamazonaws.com`,
    "ghcr.io.example.org",
    "ghcr.io:5000.example.org",
  ])
    assert.equal(limitsKind(oci(host)), "oci", host);
});

test("exactly the limit fits, a byte more does not", () => {
  const layers = [
    { name: "fits", bytes: 10 * GB },
    { name: "more", bytes: 10 * GB + 1 },
  ];
  assert.deepEqual(
    oversized(layers, "ghcr").map(({ name }) => name),
    ["more"],
  );
  assert.deepEqual(oversized(layers, "oci"), []);
});

test("an error names the layer, the limit and where it fits; each registry that refuses once", () => {
  const remedy = (otherRegistry: string) => `Split it. Or ${otherRegistry}.`;
  const problems = layerProblems([{ name: "torch", bytes: 60 * GB }], ["ghcr", "ecr", "ghcr"], remedy);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      "torch: makes a layer of 60.0 GB, and GHCR takes layers up to 10.0 GB. Split it. Or push to another registry (the local registry, Docker Hub, a registry of your own).",
      "torch: makes a layer of 60.0 GB, and ECR takes layers up to 54.5 GB. Split it. Or push to another registry (the local registry, Docker Hub, a registry of your own).",
    ],
  );
  assert.deepEqual(layerProblems([{ name: "a", bytes: 1 }], ["ghcr"], remedy), []);
});

test("only GHCR ends an upload, and ECR counts in MiB", () => {
  assert.equal(slowestUpload({ bytes: 6 * GB }, "ghcr"), 10e6);
  for (const kind of ["local", "ecr", "docker-hub", "oci"] as const) {
    assert.equal(slowestUpload({ bytes: GB }, kind), null);
  }
  assert.equal(registryLimits.ecr.layerBytes, 54_525_952_000);
});
