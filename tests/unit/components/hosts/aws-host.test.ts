/** Everything that a test on EC2 finds ready: exactly these resources, with exactly these inputs, for each generation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../../../../components/hosts/host.ts";
import { openHosts } from "../../../../components/hosts/open-hosts.ts";
import { parseConfig } from "../../../../config.ts";
import { generation, generationNames } from "../../../../lib/gpu/generations.ts";
import { instancesFor } from "../../../../lib/gpu/instances.ts";
import { parseTest, testLimits } from "../../../../lib/hosts/description.ts";
import { userData } from "../../../../lib/hosts/fleet.ts";
import { awsAnswers, awsCalls } from "../../../support/aws.ts";
import { type Recording, record, resolved } from "../../../support/mocks.ts";

const ghcr = { kind: "ghcr", owner: "acme", repository: "strata" };
const repositoryArn = "arn:aws:ecr:us-east-1:123456789012:repository/team/strata";

interface Made {
  readonly recording: Recording;
  readonly config: ReturnType<typeof parseConfig>;
  readonly description: Record<string, unknown>;
}

async function make(
  name: string,
  setting: object = {},
  { preview = false, product = { sizeBudget: "3.3 GB", repositoryArn } as object } = {},
): Promise<Made> {
  const config = parseConfig({
    "strata:generation": name,
    "strata:host": JSON.stringify({ kind: "aws", region: "us-east-1", ...setting }),
    "strata:registry": JSON.stringify(ghcr),
    "strata:budget": JSON.stringify({ dollars: 100 }),
  });
  let hosts: Host[] = [];
  const recording = await record(
    async () => {
      hosts = await openHosts("starter-host", config, product as { sizeBudget: string });
    },
    { preview, calls: awsCalls, answers: awsAnswers },
  );
  const [host] = hosts;
  assert.ok(host);
  return { recording, config, description: (await resolved(pulumi.output(host.description))) as never };
}

const tags = {
  Name: "strata-smoke-test strata/test",
  "strata:purpose": "smoke-test",
  "strata:stack": "strata/test",
};

const json = (text: unknown) => JSON.parse(String(text));

test("an image whose own workflow needs memory gets instance types that have it, and so does its test", async () => {
  const memory = { gpu: 17 * 2 ** 30, ram: 35 * 2 ** 30 };
  const { description, config } = await make(
    "ada",
    {},
    { product: { sizeBudget: "40 GB", repositoryArn, memory } },
  );
  assert.deepEqual(
    (description.instances as { type: string }[]).map(({ type }) => type),
    ["g6.4xlarge", "g6e.2xlarge"],
  );
  const whole = { ...testLimits(config, memory), hosts: [description] };
  assert.deepEqual(parseTest(JSON.stringify(whole)).memory, memory);
});

for (const name of generationNames.filter((each) => each !== "cpu")) {
  test(`${name}: its instance types, and what the program that starts one is told`, async () => {
    const { description, config } = await make(name);
    const { testedOn } = generation(name);
    assert.ok(testedOn);
    assert.deepEqual(description, {
      kind: "aws",
      region: "us-east-1",
      stack: "strata/test",
      spot: true,
      loginParameter: "/strata/smoke-test/strata/test/starter-host",
      instances: instancesFor(testedOn).map(({ type, dollarsPerHour, processors }) => ({
        ...{ type, dollarsPerHour, processors },
      })),
      subnets: ["subnet-0a", "subnet-0b"],
      launchTemplate: "starter-host-id",
      launchTemplateVersion: "7",
      schedulerRole: "arn:aws:iam::123456789012:role/starter-host-scheduler",
      amiParameter:
        "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
    });
    const whole = { ...testLimits(config), hosts: [description] };
    assert.deepEqual(parseTest(JSON.stringify(whole)).hosts, [description]);
  });

  test(`${name}: the same resources in preview and update, and none but these`, async () => {
    const [preview, update] = [await make(name, {}, { preview: true }), await make(name)];
    assert.deepEqual(preview.recording.registrations, update.recording.registrations);
    assert.deepEqual(
      update.recording.registrations
        .map(({ type, name: own, parent }) => `${type} ${own} < ${parent}`)
        .sort(),
      [
        "aws:ec2/launchTemplate:LaunchTemplate starter-host < starter-host",
        "aws:ec2/securityGroup:SecurityGroup starter-host < starter-host",
        "aws:iam/instanceProfile:InstanceProfile starter-host < starter-host",
        "aws:iam/role:Role starter-host < starter-host",
        "aws:iam/role:Role starter-host-scheduler < starter-host",
        "aws:iam/rolePolicy:RolePolicy starter-host < starter-host",
        "aws:iam/rolePolicy:RolePolicy starter-host-scheduler < starter-host",
        "pulumi:providers:aws starter-host < starter-host",
        "strata:index:AwsHost starter-host < undefined",
      ].sort(),
    );
  });
}

test("nothing comes in, and only HTTPS goes out", async () => {
  const { recording } = await make("ada");
  assert.deepEqual(recording.only("aws:ec2/securityGroup:SecurityGroup").inputs, {
    vpcId: "vpc-of-subnet-0a",
    description: "Smoke tests of strata: no way in, HTTPS out",
    ingress: [],
    egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
    tags,
  });
});

test("an instance: it ends itself, its disk is encrypted, and its role is for nobody inside a container", async () => {
  const { recording } = await make("ada");
  assert.deepEqual(recording.only("aws:ec2/launchTemplate:LaunchTemplate").inputs, {
    updateDefaultVersion: true,
    iamInstanceProfile: { arn: "arn:aws:iam::123456789012:instance-profile/starter-host" },
    vpcSecurityGroupIds: ["starter-host-id"],
    instanceInitiatedShutdownBehavior: "terminate",
    metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
    blockDeviceMappings: [
      {
        deviceName: "/dev/sda1",
        ebs: {
          volumeType: "gp3",
          // 80, and five times 3.3.
          volumeSize: 97,
          throughput: 750,
          iops: 3000,
          encrypted: "true",
          deleteOnTermination: "true",
        },
      },
    ],
    tagSpecifications: [{ resourceType: "volume", tags }],
    userData: Buffer.from(userData(55)).toString("base64"),
    tags,
  });
});

test("an instance may take commands and pull from exactly the product's repository", async () => {
  const { recording } = await make("ada");
  const role = recording.only("aws:iam/role:Role", "starter-host").inputs;
  assert.deepEqual(json(role.assumeRolePolicy).Statement, [
    { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" },
  ]);
  assert.deepEqual(Object.keys(role), ["assumeRolePolicy"]);
  const { Statement } = json(recording.only("aws:iam/rolePolicy:RolePolicy", "starter-host").inputs.policy);
  const [commands, ...rest] = Statement as { Action: string[] }[];
  assert.deepEqual(
    [...new Set(commands?.Action.map((action) => action.split(":")[0]))],
    ["ssm", "ssmmessages", "ec2messages"],
  );
  assert.deepEqual(rest, [
    { Sid: "Token", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
    {
      Sid: "Pull",
      Effect: "Allow",
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      Resource: repositoryArn,
    },
  ]);
});

test("with another registry it may read the one parameter in which the login lies, and nothing of ECR", async () => {
  const { recording } = await make("ada", {}, { product: { sizeBudget: "3.3 GB" } });
  const { Statement } = json(recording.only("aws:iam/rolePolicy:RolePolicy", "starter-host").inputs.policy);
  assert.deepEqual(Statement.slice(1), [
    {
      Sid: "Login",
      Effect: "Allow",
      Action: "ssm:GetParameter",
      Resource: "arn:aws:ssm:us-east-1:*:parameter/strata/smoke-test/strata/test/starter-host",
    },
  ]);
});

test("the scheduler may end instances of tests, and no others", async () => {
  const { recording } = await make("ada", { region: "cn-north-1", subnets: ["subnet-1"] });
  const { inputs } = recording.only("aws:iam/rolePolicy:RolePolicy", "starter-host-scheduler");
  assert.deepEqual(json(inputs.policy).Statement, [
    {
      Effect: "Allow",
      Action: "ec2:TerminateInstances",
      Resource: "arn:aws-cn:ec2:*:*:instance/*",
      Condition: { StringEquals: { "aws:ResourceTag/strata:purpose": "smoke-test" } },
    },
  ]);
  const role = recording.only("aws:iam/role:Role", "starter-host-scheduler").inputs;
  assert.equal(json(role.assumeRolePolicy).Statement[0].Principal.Service, "scheduler.amazonaws.com");
});

test("subnets, AMI, profile, order and prices are the stack's where it has them", async () => {
  const { recording, description } = await make("ada", {
    subnets: ["subnet-1c", "subnet-1d"],
    ami: "ami-0123",
    profile: "gpu",
    spot: false,
    instances: ["g6e.xlarge"],
    prices: { "g6e.xlarge": 2.5 },
  });
  assert.deepEqual(description.subnets, ["subnet-1c", "subnet-1d"]);
  assert.equal(description.ami, "ami-0123");
  assert.equal(description.profile, "gpu");
  assert.equal(description.spot, false);
  assert.deepEqual(description.instances, [{ type: "g6e.xlarge", dollarsPerHour: 2.5, processors: 4 }]);
  assert.equal(recording.only("aws:ec2/securityGroup:SecurityGroup").inputs.vpcId, "vpc-of-subnet-1c");
  assert.equal(recording.only("pulumi:providers:aws").inputs.profile, "gpu");
});

test("several hosts have names of their own", async () => {
  const config = parseConfig({
    "strata:generation": "ada",
    "strata:host": JSON.stringify([
      { kind: "aws", region: "us-east-1" },
      { kind: "aws", region: "eu-central-1" },
    ]),
    "strata:registry": JSON.stringify(ghcr),
  });
  const recording = await record(
    async () => {
      await openHosts("starter-host", config, { sizeBudget: "3.3 GB" });
    },
    { calls: awsCalls, answers: awsAnswers },
  );
  assert.deepEqual(
    recording.of("strata:index:AwsHost").map(({ name }) => name),
    ["starter-host-0", "starter-host-1"],
  );
});
