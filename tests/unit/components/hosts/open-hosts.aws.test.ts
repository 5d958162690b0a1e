/** Which EC2 instances a product gets: by the memory of its workflow, and by the disk that its models take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostProduct, openHosts } from "../../../../components/hosts/open-hosts.ts";
import { parseConfig } from "../../../../config.ts";
import { memoryNeed } from "../../../../lib/gpu/memory.ts";
import { awsAnswers, awsCalls } from "../../../support/aws.ts";
import { record, resolved } from "../../../support/mocks.ts";

const registry = { kind: "ghcr", owner: "acme", repository: "strata" };

const config = (generation: string) =>
  parseConfig({
    "strata:generation": generation,
    "strata:registry": JSON.stringify(registry),
    "strata:host": JSON.stringify({ kind: "aws", region: "us-east-1" }),
  });

async function hostOf(generation: string, product: HostProduct) {
  let description: unknown;
  const recording = await record(
    async () => {
      const [host] = await openHosts("host", config(generation), product);
      description = await resolved(host?.description as never);
    },
    { calls: awsCalls, answers: awsAnswers },
  );
  const { blockDeviceMappings } = recording.only("aws:ec2/launchTemplate:LaunchTemplate").inputs as {
    blockDeviceMappings: { ebs: { volumeSize: number } }[];
  };
  const { instances } = description as { instances: { type: string }[] };
  return { types: instances.map(({ type }) => type), volume: blockDeviceMappings[0]?.ebs.volumeSize };
}

/** wan22: the largest of its models is 15.4 GB, all of them 37 GB. */
const wan22 = [15.4e9, 15.4e9, 6.2e9];

test("a product of 37 GB of models gets cards and memory for its workflow, and disks for twice that", async () => {
  const modelBytes = 37e9;
  const { types, volume } = await hostOf("ada", {
    sizeBudget: "4.4 GB",
    modelBytes,
    memory: memoryNeed(wan22),
  });
  assert.deepEqual(types, ["g6.4xlarge", "g6e.2xlarge"]);
  assert.equal(volume, 80 + 22 + 74);
  const without = await hostOf("ada", { sizeBudget: "4.4 GB" });
  assert.deepEqual(without, { types: ["g6.xlarge", "g6.2xlarge", "g6e.xlarge"], volume: 102 });
});

test("a type whose own disk is too small for the image is not asked for; where all are, that is told", async () => {
  const { types } = await hostOf("turing", { sizeBudget: "4.4 GB", modelBytes: 60e9 });
  assert.deepEqual(types, ["g4dn.2xlarge"]);
  await assert.rejects(
    openHosts("host", config("turing"), { sizeBudget: "4.4 GB", modelBytes: 200e9 }),
    /UserError: strata:host: no instance type for it has a disk of 422 GiB/,
  );
});
