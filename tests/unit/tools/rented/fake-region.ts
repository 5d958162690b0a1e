import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AwsBuilderDescription } from "../../../../lib/hosts/description.ts";
import type { AwsClients } from "../../../../tools/hosts/aws/clients.ts";
import type { GuardMessage } from "../../../../tools/hosts/aws/guardian.ts";
import type { RentMeans } from "../../../../tools/rented/rent-terms.ts";
import type { Tunnel } from "../../../../tools/rented/tunnel.ts";
import { type Asked, type AwsAnswers, fakeAws } from "../hosts/aws/fake-aws.ts";

export const description: AwsBuilderDescription = {
  purpose: "builder",
  region: "us-east-1",
  stack: "strata/ada",
  spot: true,
  instances: [{ type: "r6a.24xlarge", dollarsPerHour: 5.4432, processors: 96 }],
  subnets: ["subnet-0a", "subnet-0b"],
  launchTemplate: "lt-0a",
  launchTemplateVersion: "3",
  schedulerRole: "arn:aws:iam::123456789012:role/scheduler",
  amiParameter: "/the/ami",
};

export interface FakeRegion {
  readonly asked: readonly Asked[];
  readonly means: RentMeans;
  /** What was told to the process that ends an instance where this one dies. */
  readonly guarded: GuardMessage[];
  /** What costs money or lies around. */
  left(): string[];
  /** The builder on the instance dies, as it does when EC2 takes the instance back. */
  takeBack(): void;
  connected(): number;
  close(): void;
}

/** What an instance is, and what leads to its builder. */
export interface FakeMachine {
  /** @param run in the place of /run/strata */
  boot(run: string): void;
  /** It ends, or what builds on it dies. */
  end(): void;
  openTunnel(clients: AwsClients): Tunnel;
  /** Whether it takes time to start. */
  readonly isReal?: boolean;
  /** How many connections its builder has. */
  connected?(): number;
}

/**
 * A region that remembers what it has: what AWS's API references of EC2 Fleet, EventBridge Scheduler and Systems Manager say of
 * the requests. Commands run in a shell here.
 *
 * @param before each request: its number and name. What it throws, AWS answers
 * @param machine by default one whose builder answers as buildkitd does, with the keys that the real script made
 */
export function fakeRegion(
  folder: string,
  before: (index: number, name: string) => void = () => {},
  machine: FakeMachine = answeringMachine(join(folder, "run")),
): FakeRegion {
  const instances = new Set<string>();
  const kept = new Set<string>();
  const guarded: GuardMessage[] = [];
  const run = join(folder, "run");
  const aws = fakeAws(run, regionAnswers({ instances, kept, run, machine }));
  let index = 0;
  const send = async (command: { constructor: { name: string } }) => {
    before(index++, command.constructor.name);
    return await aws.ec2.send(command as never);
  };
  const client = { send } as never;
  const clients: AwsClients = {
    ec2: client,
    ssm: client,
    scheduler: client,
    pause: (milliseconds) => sleep(machine.isReal ? milliseconds : 0),
  };
  let tunnels = 0;
  return {
    asked: aws.asked,
    guarded,
    means: {
      clients: () => clients,
      openGuard: () => ({ tell: (message) => void guarded.push(message) }),
      openTunnel: () => () => {
        tunnels++;
        const tunnel = machine.openTunnel(clients);
        return {
          port: () => tunnel.port(),
          close() {
            tunnels--;
            tunnel.close();
          },
        };
      },
    },
    left: () => [...instances, ...kept, ...Array.from({ length: tunnels }, () => "a tunnel")],
    takeBack: () => machine.end(),
    connected: () => machine.connected?.() ?? 0,
    close: () => machine.end(),
  };
}

function regionAnswers(has: {
  readonly instances: Set<string>;
  readonly kept: Set<string>;
  readonly run: string;
  readonly machine: FakeMachine;
}): AwsAnswers {
  const { instances, kept, run, machine } = has;
  let made = 0;
  return {
    GetParameterCommand: () => ({ Parameter: { Value: "ami-0newest" } }),
    CreateFleetCommand: ({ TargetCapacitySpecification: { DefaultTargetCapacityType: market } }) => {
      const id = `i-0${++made}`;
      instances.add(id);
      kept.add(`fleet-${id}`);
      rmSync(run, { recursive: true, force: true });
      mkdirSync(run, { recursive: true });
      machine.boot(run);
      const Instances = [{ InstanceIds: [id], InstanceType: "r6a.24xlarge", Lifecycle: market }];
      return { FleetId: `fleet-${id}`, Instances, Errors: [] };
    },
    DescribeInstancesCommand: ({ InstanceIds: [InstanceId = ""] }: { InstanceIds: string[] }) => {
      const State = { Name: instances.has(InstanceId) ? "running" : "terminated" };
      const Placement = { AvailabilityZone: "us-east-1b" };
      const described = { InstanceId, InstanceType: "r6a.24xlarge", SubnetId: "subnet-0b", Placement, State };
      return { Reservations: [{ Instances: [described] }] };
    },
    DescribeInstanceInformationCommand: () => ({ InstanceInformationList: [{ PingStatus: "Online" }] }),
    StartSessionCommand: () => {
      kept.add("a session");
      return { SessionId: "a session", StreamUrl: "wss://ssmmessages.example.org/", TokenValue: "token" };
    },
    TerminateSessionCommand: ({ SessionId }: { SessionId: string }) => {
      kept.delete(SessionId);
      return {};
    },
    CreateScheduleCommand: ({ Name }: { Name: string }) => {
      kept.add(Name);
      return {};
    },
    DeleteScheduleCommand: ({ Name }: { Name: string }) => {
      kept.delete(Name);
      return {};
    },
    DeleteFleetsCommand: ({ FleetIds: [id = ""] }: { FleetIds: string[] }) => {
      kept.delete(id);
      return {};
    },
    TerminateInstancesCommand: ({ InstanceIds: [id = ""] }: { InstanceIds: string[] }) => {
      instances.delete(id);
      machine.end();
      return {};
    },
  };
}

/** An instance that is ready at once. */
function answeringMachine(run: string): FakeMachine {
  const connections = new Set<Socket>();
  let server: Http2SecureServer | undefined;
  let isDead = false;
  return {
    boot() {
      writeFileSync(join(run, "ready"), "");
      writeFileSync(join(run, "notice"), "EC2 takes the instance back\n");
      isDead = false;
      server = undefined;
    },
    end() {
      isDead = true;
      server?.close();
      for (const each of connections) each.destroy();
    },
    connected: () => connections.size,
    openTunnel: () => ({
      async port() {
        // The tunnel leads to an instance on which nobody listens.
        if (isDead) return 1;
        server ??= await startBuildkitd(join(run, "keys"), connections);
        return (server.address() as AddressInfo).port;
      },
      close() {},
    }),
  };
}

/** ListWorkers as buildkitd 0.31.1 answers it; its keys are there when the script has made them. */
async function startBuildkitd(keys: string, connections: Set<Socket>): Promise<Http2SecureServer> {
  if (!existsSync(join(keys, "ready"))) throw new Error("nobody has come for the keys");
  const read = (name: string) => readFileSync(join(keys, name), "utf8");
  const server = createSecureServer({
    cert: read("server.pem"),
    key: read("server.key"),
    ca: read("ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("connection", (socket: Socket) => {
    connections.add(socket.on("error", () => {}).once("close", () => connections.delete(socket)));
  });
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(9));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
