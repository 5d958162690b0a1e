/** What a builder on EC2 finds ready, and how heavy stages wait for it. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { openBuilder } from "../../../../components/builders/open-builder.ts";
import { parseConfig } from "../../../../config.ts";
import { parseAwsBuilder } from "../../../../lib/hosts/description.ts";
import { builderData, LONGEST_USER_DATA } from "../../../../lib/hosts/fleet.ts";
import { RENT_SOCKET } from "../../../../lib/hosts/rent.ts";
import { awsAnswers, awsCalls } from "../../../support/aws.ts";
import { record, resolved } from "../../../support/mocks.ts";
import { temporaryFolder } from "../../support/folder.ts";

const heavy = [{ name: "wheel-flash-attn", weight: { compilerMemory: 5e9 } }];

async function make(setting: object = {}, stages = heavy, more: Record<string, string> = {}) {
  const config = parseConfig({
    "strata:generation": "hopper",
    "strata:registry": JSON.stringify({ kind: "ghcr", owner: "acme", repository: "strata" }),
    "strata:builders": JSON.stringify({ heavy: { kind: "aws", region: "eu-central-1", ...setting } }),
    ...more,
  });
  let name: pulumi.Output<string> | undefined;
  const recording = await record(
    async () => {
      name = await openBuilder("starter-builder", config, stages);
    },
    { calls: awsCalls, answers: awsAnswers },
  );
  return { recording, name: () => (name ? resolved(pulumi.output(name)) : undefined) };
}

const tags = {
  Name: "strata-builder strata/test",
  "strata:purpose": "builder",
  "strata:stack": "strata/test",
};
const json = (value: unknown) => JSON.parse(String(value));

test("these resources, and no others; none where no stage is heavy", async () => {
  const { recording } = await make();
  assert.deepEqual(
    recording.registrations.map(({ type, name }) => `${type} ${name}`).sort(),
    [
      "aws:ec2/launchTemplate:LaunchTemplate starter-builder",
      "aws:ec2/securityGroup:SecurityGroup starter-builder",
      "aws:iam/instanceProfile:InstanceProfile starter-builder",
      "aws:iam/role:Role starter-builder",
      "aws:iam/role:Role starter-builder-scheduler",
      "aws:iam/rolePolicy:RolePolicy starter-builder",
      "aws:iam/rolePolicy:RolePolicy starter-builder-scheduler",
      "pulumi:providers:aws starter-builder",
      "strata:index:AwsBuilder starter-builder",
    ].sort(),
  );
  assert.deepEqual((await make({}, [])).recording.registrations, []);
});

test("nothing comes in; out go HTTP, HTTPS and the ports of registry and mirrors", async () => {
  const { recording } = await make({}, heavy, {
    "strata:registry": JSON.stringify({ kind: "oci", address: "reg.example.org:5443", repository: "a" }),
    "strata:mirrors": JSON.stringify({ "https://github.com/": "http://git.example.org:8080/mirror/" }),
  });
  const { ingress, egress } = recording.only("aws:ec2/securityGroup:SecurityGroup").inputs;
  assert.deepEqual(ingress, []);
  assert.deepEqual(
    (egress as { fromPort: number; toPort: number }[]).map(({ fromPort, toPort }) => [fromPort, toPort]),
    [443, 80, 5443, 8080].map((port) => [port, port]),
  );
});

test("an instance takes commands and opens nothing; it ends itself, and the scheduler ends builders alone", async () => {
  const { recording } = await make({ minutes: 50, diskGb: 100 });
  const { Statement } = json(
    recording.only("aws:iam/rolePolicy:RolePolicy", "starter-builder").inputs.policy,
  );
  assert.deepEqual(
    Statement.map(({ Sid }: { Sid: string }) => Sid),
    ["Commands"],
  );
  const scheduler = json(
    recording.only("aws:iam/rolePolicy:RolePolicy", "starter-builder-scheduler").inputs.policy,
  );
  assert.deepEqual(scheduler.Statement[0].Condition, {
    StringEquals: { "aws:ResourceTag/strata:purpose": "builder" },
  });
  const template = recording.only("aws:ec2/launchTemplate:LaunchTemplate").inputs;
  assert.equal(template.instanceInitiatedShutdownBehavior, "terminate");
  assert.deepEqual(template.tagSpecifications, [{ resourceType: "volume", tags }]);
  assert.equal((template.blockDeviceMappings as { ebs: { volumeSize: number } }[])[0]?.ebs.volumeSize, 120);
  const data = Buffer.from(String(template.userData), "base64").toString();
  assert.match(data, /^#!\/bin\/bash\nMINUTES=60\nRELEASE=https:\/\/github\.com\/moby\/buildkit\/releases\//);
  assert.ok(Buffer.byteLength(builderData(600, "x".repeat(200))) < LONGEST_USER_DATA);
});

/** A command that runs the update: hears what it is told, and answers when it is told to. */
async function office(t: TestContext, answer: object) {
  const socket = join(temporaryFolder(t), "s");
  const heard: string[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = createServer({ allowHalfOpen: true }, async (client) => {
    client.once("data", async (chunk) => {
      heard.push(chunk.toString());
      await released;
      client.end(`${JSON.stringify(answer)}\n`);
    });
    await text(client).catch(() => "");
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  process.env[RENT_SOCKET] = socket;
  t.after(() => {
    delete process.env[RENT_SOCKET];
    server.close();
  });
  return { heard, release };
}

test("heavy stages know their builder's name when it is there", async (t) => {
  const { heard, release } = await office(t, { problem: null });
  let known = "";
  const { name } = await make();
  const named = name()?.then((given) => {
    known = given;
  });
  while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(known, "");
  const told = parseAwsBuilder(JSON.parse(heard[0] ?? ""));
  assert.deepEqual(told.subnets, ["subnet-0a", "subnet-0b"]);
  assert.deepEqual(
    told.instances.map(({ type }) => type),
    ["r6a.24xlarge", "m6a.32xlarge", "r6i.24xlarge", "m6i.32xlarge", "r7i.24xlarge", "r8i.24xlarge"],
  );
  release();
  await named;
  assert.equal(known, "strata-heavy");
});

test("without a command that starts one, the name is known at once", async () => {
  assert.equal(await (await make()).name(), "strata-heavy");
});
