import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import { partitionOf } from "../../lib/hosts/policies.ts";
import type { AwsClients } from "../hosts/aws/clients.ts";
import { HostTrouble } from "../hosts/machine.ts";

/** Milliseconds until AWS's plugin has to have a port. */
const OPEN_MS = 30_000;
/** Milliseconds that the plugin may take for its end. */
const LEAVE_MS = 2_000;
/** The port of a builder on its own loopback address (lib/hosts/builder-data.sh). */
const BUILDER_PORT = "1234";
/** How the plugin is told of a session: not by an argument, which everybody on this machine can read. */
const RESPONSE = "AWS_SSM_START_SESSION_RESPONSE_STRATA";

/** A port of this machine that leads to one of an instance, which nothing reaches from outside. */
export interface Tunnel {
  /** The port, opened anew where the session has ended. */
  port(): Promise<number>;
  close(): void;
}

export interface TunnelTarget {
  readonly instance: string;
  readonly region: string;
  readonly profile?: string | undefined;
}

/**
 * By Systems Manager's port forwarding: AWS's own plugin carries any number of connections in one session. Who else connects to
 * the port on this machine is refused by the builder, which wants a certificate.
 *
 * @param plugin AWS's program
 */
export function openTunnel(plugin: string, target: TunnelTarget, { ssm }: AwsClients): Tunnel {
  let running: { readonly child: ChildProcess; readonly session: string } | undefined;
  let opening: Promise<number> | undefined;
  let isClosed = false;
  const end = () => running?.child.kill();
  process.once("exit", end);
  const leave = () => {
    // On this signal alone it takes its socket out of the folder for temporary files.
    running?.child.kill("SIGINT");
    setTimeout(() => {
      end();
      process.off("exit", end);
    }, LEAVE_MS).unref();
  };
  const open = async () => {
    const request = {
      Target: target.instance,
      DocumentName: "AWS-StartPortForwardingSession",
      Parameters: { portNumber: [BUILDER_PORT] },
    };
    const { SessionId = "", StreamUrl, TokenValue } = await ssm.send(new StartSessionCommand(request));
    if (isClosed) throw new HostTrouble("the builder has ended");
    const child = start(plugin, target, request, { SessionId, StreamUrl, TokenValue });
    running = { child, session: SessionId };
    child.once("exit", () => {
      opening = undefined;
    });
    return await portOf(child);
  };
  return {
    port() {
      if (isClosed) return Promise.reject(new HostTrouble("the builder has ended"));
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    close() {
      isClosed = true;
      leave();
      if (running) void ssm.send(new TerminateSessionCommand({ SessionId: running.session })).catch(() => {});
    },
  };
}

/** As AWS's CLI calls it: src/sessionmanagerplugin/session/session.go of github.com/aws/session-manager-plugin. */
function start(
  plugin: string,
  { region, profile = "" }: TunnelTarget,
  request: object,
  response: object,
): ChildProcess {
  const suffix = partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const endpoint = `https://ssm.${region}.${suffix}`;
  const words = [RESPONSE, region, "StartSession", profile, JSON.stringify(request), endpoint];
  return spawn(plugin, words, {
    env: { ...process.env, [RESPONSE]: JSON.stringify(response) },
    // Ctrl-C on the terminal is for the run, which ends it.
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** `Port 36173 opened for sessionId …` */
async function portOf(child: ChildProcess): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    const said: string[] = [];
    const fail = (why: string) =>
      reject(new HostTrouble(`session-manager-plugin ${why}: ${said.join(" ").trim().slice(-300)}`));
    const timer = setTimeout(() => {
      child.kill();
      fail(`opens no port within ${OPEN_MS / 1000} s`);
    }, OPEN_MS);
    child.once("error", (error) => fail(`cannot be started (${error.message})`));
    child.once("exit", () => {
      clearTimeout(timer);
      fail("has ended");
    });
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line);
      const port = /Port (\d+) opened/.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}
