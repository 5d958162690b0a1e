/** An instance's whole life, with something that stands in for AWS: what is asked for, and that it always ends. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunReport } from "../../../../../lib/evidence/evidence.ts";
import { type GenerationName, generation, generationNames } from "../../../../../lib/gpu/generations.ts";
import { instancesFor } from "../../../../../lib/gpu/instances.ts";
import type { AwsDescription } from "../../../../../lib/hosts/description.ts";
import { testSomewhere } from "../../../../../tools/hosts/attempts.ts";
import { Ec2Host } from "../../../../../tools/hosts/aws/ec2-host.ts";
import type { HostLogin } from "../../../../../tools/hosts/login.ts";
import { passedRun } from "../../../../support/evidence.ts";
import { script, temporaryFolder } from "../../../support/folder.ts";
import { type AwsAnswers, awsError, fakeAws } from "./fake-aws.ts";

const digest = `sha256:${"a".repeat(64)}`;
const ecr = `123456789012.dkr.ecr.us-east-1.amazonaws.com/team/strata@${digest}`;

const passed: RunReport = {
  ...passedRun,
  gpu: { name: "NVIDIA L4", computeCapability: "8.9", driver: "595.64", memoryBytes: 1 },
};

function description(name: GenerationName, changed: Partial<AwsDescription> = {}): AwsDescription {
  const { testedOn } = generation(name);
  assert.ok(testedOn);
  return {
    kind: "aws",
    region: "us-east-1",
    stack: "strata/test",
    spot: true,
    instances: instancesFor(testedOn).map(({ type, dollarsPerHour, processors }) => ({
      ...{ type, dollarsPerHour, processors },
    })),
    subnets: ["subnet-0a", "subnet-0b"],
    launchTemplate: "lt-0a",
    launchTemplateVersion: "7",
    schedulerRole: "arn:aws:iam::123456789012:role/scheduler",
    loginParameter: "/strata/smoke-test/strata/test/host",
    amiParameter: "/aws/service/the-ami",
    ...changed,
  };
}

/** AWS as it is on a good day: an instance of the first type in the second zone. */
const goodDay = (type: string): AwsAnswers => ({
  GetParameterCommand: () => ({ Parameter: { Value: "ami-0newest" } }),
  CreateFleetCommand: () => ({
    FleetId: "fleet-1",
    Instances: [{ InstanceIds: ["i-0a"], InstanceType: type, Lifecycle: "spot" }],
    Errors: [],
  }),
  DescribeInstancesCommand: () => ({
    Reservations: [
      {
        Instances: [
          {
            InstanceId: "i-0a",
            InstanceType: type,
            SubnetId: "subnet-0b",
            Placement: { AvailabilityZone: "us-east-1b" },
            State: { Name: "running" },
          },
        ],
      },
    ],
  }),
  DescribeInstanceInformationCommand: () => ({ InstanceInformationList: [{ PingStatus: "Online" }] }),
});

/** An instance that is ready, with an engine and a driver that stand in for the real ones. */
function instance(t: TestContext, capability: string): string {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "state"));
  writeFileSync(join(folder, "state", "ready"), "");
  writeFileSync(join(folder, "state", "disk"), "Docker's data is on /opt/dlami/nvme\n");
  writeFileSync(join(folder, "evidence.json"), JSON.stringify(passed));
  const log = join(folder, "asked");
  writeFileSync(log, "");
  script(
    join(folder, "bin", "docker"),
    [
      `echo "docker $*" >>${log}`,
      'if [ "$1" = --config ]; then shift 2; fi',
      'case "$*" in',
      '  "image inspect "*) exit 1 ;;',
      `  *evidence.json\\ -) tar -C ${folder} -c evidence.json ;;`,
      '  "cp - "*) cat >/dev/null ;;',
      "  *RestartCount*) echo 0 running ;;",
      "  *ExitCode*) echo 0 false ;;",
      `  "login "*) cat >${folder}/password ;;`,
      "esac",
    ].join("\n"),
  );
  script(join(folder, "bin", "nvidia-smi"), `echo "a card, 595.64, ${capability}"`);
  script(join(folder, "bin", "aws"), `echo "aws $*" >>${log}; echo the-password`);
  script(join(folder, "bin", "sleep"), "exit 0");
  const before = process.env.PATH;
  process.env.PATH = `${join(folder, "bin")}:${before}`;
  t.after(() => {
    process.env.PATH = before;
  });
  return folder;
}

function order(name: GenerationName, reference = ecr) {
  return {
    reference,
    computeCapabilities: generation(name).computeCapabilities,
    minimumDriver: "580.65.06",
    hasZstd: false,
    deadline: Date.now() + 30 * 60_000,
    signal: new AbortController().signal,
  };
}

const none = async (): Promise<HostLogin> => ({ kind: "none" });

for (const name of generationNames.filter((each) => each !== "cpu")) {
  test(`${name}: an instant fleet over its types and both zones, a schedule, a test, and its end`, async (t) => {
    const { testedOn } = generation(name);
    assert.ok(testedOn);
    const types = instancesFor(testedOn).map(({ type }) => type);
    const aws = fakeAws(join(instance(t, testedOn), "state"), goodDay(types[0] ?? ""));
    const wanted = order(name);
    const tested = await new Ec2Host(description(name), aws, none).test(wanted);

    assert.equal(tested.report.verdict, "pass");
    assert.deepEqual(tested.host, {
      kind: "aws",
      name: "i-0a",
      instanceType: types[0],
      zone: "us-east-1b",
      market: "spot",
    });
    assert.equal(tested.cost?.dollarsPerHour, instancesFor(testedOn)[0]?.dollarsPerHour);

    const until = new Date(wanted.deadline + 5 * 60_000).toISOString();
    const tags = [
      { Key: "Name", Value: "strata-smoke-test strata/test" },
      { Key: "strata:purpose", Value: "smoke-test" },
      { Key: "strata:stack", Value: "strata/test" },
      { Key: "strata:until", Value: until },
    ];
    const calls = aws.asked.filter(({ name: command }) => !/Command(Invocation)?Command$/.test(command));
    const fleet = calls.find(({ name: command }) => command === "CreateFleetCommand")?.input;
    assert.match(String(fleet?.ClientToken), /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      { ...fleet, ClientToken: "" },
      {
        Type: "instant",
        ClientToken: "",
        TargetCapacitySpecification: {
          TotalTargetCapacity: 1,
          SpotTargetCapacity: 1,
          OnDemandTargetCapacity: 0,
          DefaultTargetCapacityType: "spot",
        },
        SpotOptions: { AllocationStrategy: "price-capacity-optimized" },
        LaunchTemplateConfigs: [
          {
            LaunchTemplateSpecification: { LaunchTemplateId: "lt-0a", Version: "7" },
            Overrides: types.flatMap((type) =>
              ["subnet-0a", "subnet-0b"].map((SubnetId) => ({
                InstanceType: type,
                SubnetId,
                ImageId: "ami-0newest",
              })),
            ),
          },
        ],
        TagSpecifications: [
          { ResourceType: "fleet", Tags: tags },
          { ResourceType: "instance", Tags: tags },
        ],
      },
    );
    assert.deepEqual(
      calls.filter(
        ({ name: command }) => command !== "CreateFleetCommand" && !command.startsWith("Describe"),
      ),
      [
        { name: "GetParameterCommand", input: { Name: "/aws/service/the-ami" } },
        {
          name: "CreateScheduleCommand",
          input: {
            Name: "strata-smoke-i-0a",
            ScheduleExpression: `at(${until.slice(0, 19)})`,
            ScheduleExpressionTimezone: "UTC",
            FlexibleTimeWindow: { Mode: "OFF" },
            ActionAfterCompletion: "DELETE",
            Target: {
              Arn: "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
              RoleArn: "arn:aws:iam::123456789012:role/scheduler",
              Input: '{"InstanceIds":["i-0a"]}',
            },
          },
        },
        { name: "TerminateInstancesCommand", input: { InstanceIds: ["i-0a"] } },
        { name: "DeleteFleetsCommand", input: { FleetIds: ["fleet-1"], TerminateInstances: true } },
        { name: "DeleteScheduleCommand", input: { Name: "strata-smoke-i-0a" } },
      ],
    );
  });
}

/** What was asked of AWS, without what only looks or carries commands. */
const changes = ({ asked }: ReturnType<typeof fakeAws>) =>
  asked
    .map(({ name }) => name.replace(/Command$/, ""))
    .filter((name) => !/^(Describe|Get|SendCommand|CancelCommand)/.test(name));

/** Whatever happens, this comes last. */
const theEnd = ["TerminateInstances", "DeleteFleets", "DeleteSchedule"];

const noCapacity = (market: string, type = "g6.xlarge") => ({
  Lifecycle: market,
  ErrorCode: "InsufficientInstanceCapacity",
  ErrorMessage: "We currently do not have sufficient capacity",
  LaunchTemplateAndOverrides: { Overrides: { InstanceType: type, AvailabilityZone: "us-east-1a" } },
});

/** Answers of AWS on a day that is good but for some of them. */
const dayBut = (answers: AwsAnswers): AwsAnswers => ({ ...goodDay("g6.xlarge"), ...answers });

test("without spot capacity the same is asked for on demand, in the order of the types", async (t) => {
  const fleets: { OnDemandOptions?: object; LaunchTemplateConfigs: { Overrides: object[] }[] }[] = [];
  const day = dayBut({
    CreateFleetCommand: (input: never) => {
      fleets.push(input);
      return fleets.length === 1
        ? { FleetId: "fleet-0", Instances: [], Errors: [noCapacity("spot")] }
        : { FleetId: "fleet-1", Instances: [{ InstanceIds: ["i-0a"], InstanceType: "g6.xlarge" }] };
    },
  });
  const aws = fakeAws(join(instance(t, "8.9"), "state"), day);
  const { host } = await new Ec2Host(description("ada"), aws, none).test(order("ada"));
  assert.equal(host.kind === "aws" && host.market, "on-demand");
  assert.deepEqual(fleets[1]?.OnDemandOptions, { AllocationStrategy: "prioritized" });
  assert.deepEqual(
    fleets[1]?.LaunchTemplateConfigs[0]?.Overrides.map((override) => Object.values(override).join(" ")),
    ["g6.xlarge", "g6.2xlarge", "g6e.xlarge"].flatMap((type, priority) => [
      `${type} subnet-0a ami-0newest ${priority}`,
      `${type} subnet-0b ami-0newest ${priority}`,
    ]),
  );
  assert.deepEqual(changes(aws), ["CreateFleet", "DeleteFleets", "CreateFleet", "CreateSchedule", ...theEnd]);
});

test("where spot is not wanted, nobody asks for it", async (t) => {
  const aws = fakeAws(join(instance(t, "8.9"), "state"), goodDay("g6.xlarge"));
  await new Ec2Host(description("ada", { spot: false }), aws, none).test(order("ada"));
  const fleets = aws.asked.filter(({ name }) => name === "CreateFleetCommand");
  assert.equal(fleets.length, 1);
  assert.ok(fleets[0]?.input.OnDemandOptions);
});

test("no capacity anywhere: trouble that says so, nothing is left, and no zone is asked again", async (t) => {
  const aws = fakeAws(
    temporaryFolder(t),
    dayBut({
      CreateFleetCommand: ({
        TargetCapacitySpecification: { DefaultTargetCapacityType: market },
      }: never) => ({
        FleetId: "fleet-1",
        Errors: [noCapacity(market)],
      }),
    }),
  );
  const host = new Ec2Host(description("ada"), aws, none);
  await assert.rejects(
    host.test(order("ada")),
    /HostTrouble: us-east-1 has no spot capacity for g6\.xlarge at the moment; us-east-1 has no on-demand capacity/,
  );
  assert.equal(host.canRetry(), false);
  assert.deepEqual(changes(aws), ["CreateFleet", "DeleteFleets", "CreateFleet", "DeleteFleets"]);
});

test("a role that was made a moment ago is waited for", async (t) => {
  let times = 0;
  const day = goodDay("g6.xlarge");
  const aws = fakeAws(join(instance(t, "8.9"), "state"), {
    ...day,
    CreateFleetCommand: (input: never) =>
      times++ < 2
        ? {
            FleetId: "f",
            Errors: [
              { ErrorCode: "InvalidParameterValue", ErrorMessage: "Invalid IAM Instance Profile ARN" },
            ],
          }
        : (day.CreateFleetCommand?.(input) ?? {}),
  });
  const { report } = await new Ec2Host(description("ada"), aws, none).test(order("ada"));
  assert.equal(report.verdict, "pass");
  const tokens = aws.asked
    .filter(({ name }) => name === "CreateFleetCommand")
    .map(({ input }) => input.ClientToken);
  assert.equal(new Set(tokens).size, 3);
});

/** What the scheduler answers for some seconds after its role was made, by the source of Terraform's provider. */
const roleTooNew = () =>
  awsError(
    "ValidationException",
    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
  );

test("the scheduler's role is waited for as well, two minutes and no longer", async (t) => {
  const folder = join(instance(t, "8.9"), "state");
  let times = 0;
  const day = dayBut({ CreateScheduleCommand: () => (times++ < 3 ? roleTooNew() : {}) });
  const aws = fakeAws(folder, day);
  const { report } = await new Ec2Host(description("ada"), aws, none).test(order("ada"));
  assert.equal(report.verdict, "pass");
  assert.equal(times, 4);
  const paused: number[] = [];
  const never = {
    ...fakeAws(folder, dayBut({ CreateScheduleCommand: roleTooNew })),
    pause: async (milliseconds: number) => {
      paused.push(milliseconds);
    },
  };
  await assert.rejects(
    new Ec2Host(description("ada"), never, none).test(order("ada")),
    /HostTrouble: AWS refuses: ValidationException: The execution role/,
  );
  const waited = paused.reduce((sum, each) => sum + each, 0);
  assert.ok(waited >= 110_000 && waited <= 130_000, String(waited));
  assert.deepEqual(changes(never).slice(-theEnd.length), theEnd);
});

test("whoever interrupts that waiting has the instance ended", async (t) => {
  const interrupt = new AbortController();
  const aws = fakeAws(temporaryFolder(t), dayBut({ CreateScheduleCommand: roleTooNew }));
  const clients = { ...aws, pause: async () => interrupt.abort() };
  await assert.rejects(
    new Ec2Host(description("ada"), clients, none).test({ ...order("ada"), signal: interrupt.signal }),
    /HostTrouble: the test was interrupted/,
  );
  assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", ...theEnd]);
});

test("another mistake in a schedule is told at once", async (t) => {
  const refusal = () => awsError("ValidationException", "Invalid Schedule Expression");
  const aws = fakeAws(temporaryFolder(t), dayBut({ CreateScheduleCommand: refusal }));
  await assert.rejects(
    new Ec2Host(description("ada"), aws, none).test(order("ada")),
    /Invalid Schedule Expression/,
  );
  assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", ...theEnd]);
});

test("an instance that nobody else would end is not kept", async (t) => {
  const aws = fakeAws(
    temporaryFolder(t),
    dayBut({ CreateScheduleCommand: () => awsError("AccessDeniedException", "no iam:PassRole") }),
  );
  await assert.rejects(
    new Ec2Host(description("ada"), aws, none).test(order("ada")),
    /HostTrouble: AWS refuses: AccessDeniedException: no iam:PassRole/,
  );
  assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", ...theEnd]);
});

test("the host goes away after every kind of failure", async (t) => {
  const interrupt = new AbortController();
  const folder = join(instance(t, "8.9"), "state");
  const failures: Record<
    string,
    { answers: AwsAnswers; told: RegExp; before?: () => void; signal?: AbortSignal }
  > = {
    "a card that the image is not for": {
      answers: {},
      told: /has compute capability 8\.9; the image is for 9\.0/,
    },
    "EC2 takes the instance back": {
      answers: {
        DescribeInstanceInformationCommand: () => ({}),
        DescribeInstancesCommand: () => ({
          Reservations: [
            {
              Instances: [
                { State: { Name: "shutting-down" }, StateReason: { Code: "Server.SpotInstanceTermination" } },
              ],
            },
          ],
        }),
      },
      told: /HostTrouble: i-0a was taken back by EC2 \(Server\.SpotInstanceTermination\)/,
    },
    "Systems Manager fails": {
      answers: { SendCommandCommand: () => awsError("ThrottlingException", "slow down") },
      told: /HostTrouble: AWS refuses: ThrottlingException: slow down/,
    },
    "a mistake of ours": {
      answers: { SendCommandCommand: () => new TypeError("a bug") },
      told: /TypeError: a bug/,
    },
    "an interruption": {
      answers: {
        DescribeInstanceInformationCommand: () => {
          interrupt.abort();
          return {};
        },
      },
      signal: interrupt.signal,
      told: /HostTrouble: the test was interrupted/,
    },
  };
  for (const [name, { answers, told, signal }] of Object.entries(failures)) {
    const aws = fakeAws(folder, dayBut(answers));
    const host = new Ec2Host(description("ada"), aws, none);
    const wanted = name.startsWith("a card") ? order("hopper") : order("ada");
    await assert.rejects(host.test({ ...wanted, ...(signal ? { signal } : {}) }), told, name);
    assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", ...theEnd], name);
  }
});

test("a failing image: its evidence comes back, and the host goes away all the same", async (t) => {
  const folder = instance(t, "8.9");
  const [first] = passed.checks;
  writeFileSync(
    join(folder, "evidence.json"),
    JSON.stringify({ ...passed, verdict: "fail", checks: [{ ...first, status: "fail", reason: "broken" }] }),
  );
  const aws = fakeAws(join(folder, "state"), goodDay("g6.xlarge"));
  const { report } = await new Ec2Host(description("ada"), aws, none).test(order("ada"));
  assert.equal(report.verdict, "fail");
  assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", ...theEnd]);
});

test("an instance that cannot be ended keeps those who watch over it", async (t) => {
  const aws = fakeAws(
    join(instance(t, "8.9"), "state"),
    dayBut({ TerminateInstancesCommand: () => awsError("UnauthorizedOperation") }),
  );
  await new Ec2Host(description("ada"), aws, none).test(order("ada"));
  assert.deepEqual(changes(aws), ["CreateFleet", "CreateSchedule", "TerminateInstances"]);
});

test("another try goes to another zone, until there is none", async (t) => {
  const zones: string[][] = [];
  const folder = join(instance(t, "8.6"), "state");
  let subnet = "";
  const day = dayBut({
    CreateFleetCommand: ({
      LaunchTemplateConfigs,
    }: {
      LaunchTemplateConfigs: { Overrides: { SubnetId: string }[] }[];
    }) => {
      const subnets = [...new Set(LaunchTemplateConfigs[0]?.Overrides.map(({ SubnetId }) => SubnetId))];
      zones.push(subnets);
      subnet = subnets[0] ?? "";
      return { FleetId: "f", Instances: [{ InstanceIds: ["i-0a"], InstanceType: "g6.xlarge" }] };
    },
    DescribeInstancesCommand: () => ({
      Reservations: [
        { Instances: [{ InstanceType: "g6.xlarge", SubnetId: subnet, State: { Name: "running" } }] },
      ],
    }),
  });
  const host = new Ec2Host(description("ada"), fakeAws(folder, day), none);
  const asked: boolean[] = [];
  do {
    await assert.rejects(host.test(order("ada")), /HostTrouble/);
    asked.push(host.canRetry());
  } while (host.canRetry());
  assert.deepEqual(zones, [["subnet-0a", "subnet-0b"], ["subnet-0b"]]);
  assert.deepEqual(asked, [true, false]);
});

test("a failing image is asked about again on another instance, where one zone is all there is in that too", async (t) => {
  const folder = instance(t, "8.9");
  const checks = passed.checks.map((check) =>
    check.id === "30-torch" ? { ...check, status: "fail" as const, reason: "wrong numbers" } : check,
  );
  const report = { ...passed, verdict: "fail" as const, checks };
  let started = 0;
  const day = dayBut({
    CreateFleetCommand: () => {
      writeFileSync(join(folder, "evidence.json"), JSON.stringify(++started === 1 ? report : passed));
      const Instances = [{ InstanceIds: [`i-0${started}`], InstanceType: "g6.xlarge" }];
      return { FleetId: `fleet-${started}`, Instances };
    },
  });
  const aws = fakeAws(join(folder, "state"), day);
  const host = new Ec2Host(description("ada", { subnets: ["subnet-0b"] }), aws, none);
  const { deadline, ...wanted } = order("ada");
  const outcome = await testSomewhere([host], wanted, { dollars: 5, minutes: 45 });
  assert.ok(deadline > 0);
  assert.equal(outcome.tested?.report.verdict, "pass");
  assert.equal(outcome.secondOpinion?.outcome, "contradicted");
  assert.equal(outcome.secondOpinion?.machine, "i-01 (g6.xlarge in us-east-1b)");
  const ended = aws.asked.filter(({ name }) => name === "TerminateInstancesCommand");
  assert.deepEqual(
    ended.map(({ input }) => input),
    [{ InstanceIds: ["i-01"] }, { InstanceIds: ["i-02"] }],
  );
});

test("ECR is opened by the instance's own role: no password is sent", async (t) => {
  const folder = instance(t, "8.9");
  const aws = fakeAws(join(folder, "state"), goodDay("g6.xlarge"));
  const login = { kind: "password", username: "AWS", password: "a token of today" } as const;
  await new Ec2Host(description("ada"), aws, async () => login).test(order("ada"));
  const asked = readFileSync(join(folder, "asked"), "utf8");
  assert.match(asked, /^aws ecr get-login-password --region us-east-1$/m);
  assert.match(asked, /^docker --config \S+ login --username AWS --password-stdin 123456789012\.dkr\.ecr/m);
  assert.ok(!JSON.stringify(aws.asked).includes("a token of today"));
  assert.ok(!changes(aws).includes("PutParameter"));
});

test("another registry's password lies in an encrypted parameter while the test runs, and nowhere else", async (t) => {
  const folder = instance(t, "8.9");
  const aws = fakeAws(join(folder, "state"), goodDay("g6.xlarge"));
  const login = { kind: "password", username: "somebody", password: "the-password" } as const;
  await new Ec2Host(description("ada"), aws, async () => login).test(
    order("ada", `ghcr.io/team/strata@${digest}`),
  );
  const name = "/strata/smoke-test/strata/test/host";
  assert.deepEqual(aws.asked.find((request) => request.name === "PutParameterCommand")?.input, {
    Name: name,
    Value: "the-password",
    Type: "SecureString",
    Overwrite: true,
  });
  assert.deepEqual(changes(aws), [
    "CreateFleet",
    "CreateSchedule",
    "PutParameter",
    "DeleteParameter",
    ...theEnd,
  ]);
  // It is gone before the image runs: only the verbs `ready`, `driver` and `pull` come before.
  const commands = aws.asked.map((request) => request.name).slice(0, -theEnd.length);
  const removed = commands.indexOf("DeleteParameterCommand");
  const starts = aws.asked.findIndex(({ input }) => JSON.stringify(input).includes(" create strata-smoke-"));
  assert.ok(removed > 0 && removed < starts, `${removed} of ${starts}`);
  const asked = readFileSync(join(folder, "asked"), "utf8");
  assert.match(
    asked,
    new RegExp(`^aws ssm get-parameter --region us-east-1 --name ${name} --with-decryption`, "m"),
  );
  assert.match(asked, /^docker --config \S+ login --username somebody --password-stdin ghcr\.io$/m);
  const others = aws.asked.filter((request) => request.name !== "PutParameterCommand");
  assert.ok(!JSON.stringify(others).includes("the-password"));
  assert.ok(!asked.includes("the-password"));
});

/** Interrupts the test when AWS is asked this. */
function interruptedAt(t: TestContext, isMoment: (command: string, input: object) => boolean) {
  const interrupt = new AbortController();
  const aws = fakeAws(join(instance(t, "8.9"), "state"), goodDay("g6.xlarge"));
  let askedBefore = -1;
  const send = async (command: { constructor: { name: string }; input: object }) => {
    const answer = await aws.ec2.send(command as never);
    if (askedBefore < 0 && isMoment(command.constructor.name, command.input)) {
      askedBefore = aws.asked.length;
      interrupt.abort();
    }
    return answer;
  };
  const client = { send } as never;
  const clients = { ...aws, ec2: client, ssm: client, scheduler: client };
  const login = async () => ({ kind: "password", username: "somebody", password: "the-password" }) as const;
  const wanted = { ...order("ada", `ghcr.io/team/strata@${digest}`), signal: interrupt.signal };
  const work = assert.rejects(
    new Ec2Host(description("ada"), clients, login).test(wanted),
    /HostTrouble: the test was interrupted/,
  );
  return work.then(() => aws.asked.slice(askedBefore));
}

for (const [moment, isMoment, hasParameter] of [
  ["as soon as there is an instance", (name) => name === "CreateFleetCommand", false],
  ["while it is looked at", (name) => name === "DescribeInstancesCommand", false],
  ["while it starts", (name) => name === "DescribeInstanceInformationCommand", false],
  ["as soon as the login is there", (name) => name === "PutParameterCommand", true],
  [
    "while it pulls",
    (name, input) =>
      name === "SendCommandCommand" && JSON.stringify(input).includes("container.sh docker pull"),
    true,
  ],
  [
    "while the image runs",
    (name, input) =>
      name === "SendCommandCommand" && JSON.stringify(input).includes("container.sh docker start"),
    false,
  ],
] satisfies [string, (name: string, input: object) => boolean, boolean][]) {
  test(`interrupted ${moment}: the instance is ended first, then the login; nothing else is done there`, async (t) => {
    const asked = await interruptedAt(t, isMoment);
    const names = asked
      .map(({ name }) => name.replace(/Command$/, ""))
      .filter((name) => name !== "CancelCommand");
    // A login that is being written when the signal comes cannot be removed before.
    assert.deepEqual(
      names.toSorted(),
      [...theEnd, ...(hasParameter ? ["DeleteParameter"] : [])].toSorted(),
      names.join(" "),
    );
    assert.equal(names[0], "TerminateInstances");
  });
}

test("without credentials nothing is started, and AWS's own words are told", async (t) => {
  const aws = fakeAws(temporaryFolder(t), {
    GetParameterCommand: () =>
      Object.assign(new Error("Could not load credentials from any providers"), {
        name: "CredentialsProviderError",
      }),
  });
  await assert.rejects(
    new Ec2Host(description("ada"), aws, none).test(order("ada")),
    /HostTrouble: AWS refuses: CredentialsProviderError: Could not load credentials/,
  );
  assert.deepEqual(changes(aws), []);
});
