/**
 * moto's stand-in for AWS behind a listener that writes down who asks what when. What moto does not have, an instance that takes
 * commands, is answered here as the API reference of Systems Manager has it: the first command, which waits until the instance
 * is ready, succeeds, and each later one goes on for ever.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  CreateLaunchTemplateCommand,
  DescribeImagesCommand,
  DescribeSubnetsCommand,
} from "@aws-sdk/client-ec2";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import type { AwsDescription } from "../../../lib/hosts/description.ts";
import { userData } from "../../../lib/hosts/fleet.ts";
import { type AwsClients, awsClients } from "../../../tools/hosts/aws/clients.ts";
import { keptWheels } from "../../../tools/lint/wheels.ts";
import { askLoopback } from "../../../tools/services/loopback.ts";
import { freePort } from "../../support/port.ts";

export interface Moto {
  /** For AWS_ENDPOINT_URL. */
  readonly url: string;
  /** What was asked, oldest first: `TerminateInstances`, with the time in milliseconds since 1970. */
  readonly asked: { readonly name: string; readonly at: number }[];
  /** From here on the next command is the first. */
  begin(): void;
  close(): void;
}

/** The folder of moto's packages, or why they cannot be had here. */
export async function findMoto() {
  return await keptWheels("tests/integration/moto-requirements.txt", "python3");
}

/** @param folder with moto in it */
export async function startMoto(folder = ""): Promise<Moto> {
  const port = await freePort();
  const env = { ...process.env, PYTHONPATH: folder };
  const python: ChildProcess = spawn(
    "python3",
    [join(import.meta.dirname, "moto_server.py"), "-H", "127.0.0.1", "-p", String(port)],
    {
      stdio: "ignore",
      env,
    },
  );
  for (let tries = 0; !(await askLoopback(`127.0.0.1:${port}`, "/moto-api/")); tries++) {
    assert.ok(tries < 600, "moto's server does not answer");
    await sleep(100);
  }
  const asked: Moto["asked"] = [];
  const commands = { sent: 0 };
  const server = await listener(port, asked, commands);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    begin() {
      commands.sent = 0;
    },
    close() {
      server.closeAllConnections();
      server.close();
      python.kill();
    },
  };
}

/** Leads AWS's clients of this process to moto, and makes a host there. */
export async function useMoto({ url }: Moto): Promise<{ clients: AwsClients; host: AwsDescription }> {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: "nobody",
    AWS_SECRET_ACCESS_KEY: "nothing",
  });
  const clients = awsClients({ region: "us-east-1" });
  return { clients, host: await makeHost(clients) };
}

/** What Pulumi makes for a host, made there; its description. */
async function makeHost({ ec2, ssm }: AwsClients): Promise<AwsDescription> {
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  await ssm.send(
    new PutParameterCommand({ Name: "/test/ami", Value: Images[0]?.ImageId ?? "", Type: "String" }),
  );
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: "strata",
      LaunchTemplateData: {
        InstanceInitiatedShutdownBehavior: "terminate",
        UserData: Buffer.from(userData(55)).toString("base64"),
      },
    }),
  );
  return {
    kind: "aws",
    region: "us-east-1",
    stack: "strata/test",
    spot: false,
    instances: [{ type: "g6.xlarge", dollarsPerHour: 0.8048, processors: 4 }],
    subnets: Subnets.slice(0, 2).flatMap(({ SubnetId = "" }) => SubnetId),
    launchTemplate: LaunchTemplate?.LaunchTemplateId ?? "",
    launchTemplateVersion: "1",
    schedulerRole: "arn:aws:iam::123456789012:role/scheduler",
    loginParameter: "/strata/smoke-test/strata/test/host",
    amiParameter: "/test/ami",
  };
}

async function listener(port: number, asked: Moto["asked"], commands: { sent: number }): Promise<Server> {
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const name = nameOf(request, body.toString());
    asked.push({ name, at: Date.now() });
    if (name === "SendCommand") commands.sent++;
    const own = answerOf(name, commands.sent);
    if (own) {
      response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(own));
      return;
    }
    const { host, connection, ...headers } = request.headers;
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    });
    const type = answer.headers.get("content-type");
    response.writeHead(answer.status, type ? { "content-type": type } : {});
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Systems Manager names it in a header, EC2 in the body, the scheduler by method and path. */
function nameOf({ headers, method, url }: IncomingMessage, body: string): string {
  const target = headers["x-amz-target"];
  if (typeof target === "string") return target.split(".").at(-1) ?? target;
  return new URLSearchParams(body).get("Action") ?? `${method} ${url?.split("?")[0]}`;
}

function answerOf(name: string, commands: number): object | undefined {
  const packed = gzipSync("Docker's data is on /opt\n").toString("base64");
  switch (name) {
    case "DescribeInstanceInformation":
      return { InstanceInformationList: [{ PingStatus: "Online" }] };
    case "SendCommand":
      return { Command: { CommandId: `command-${commands}` } };
    case "GetCommandInvocation":
      // What a script of ssm-machine.ts prints: status, length, output, errors.
      return commands === 1 || commands === 2
        ? {
            Status: "Success",
            StandardOutputContent: commands === 1 ? `0\n${packed.length}\n${packed}\n\n` : "",
          }
        : { Status: "InProgress" };
    case "CancelCommand":
      return {};
    default:
      return undefined;
  }
}
