import { generateKeyPairSync } from "node:crypto";
import type { AwsBuilderDescription } from "../../lib/hosts/description.ts";
import { builderKeys } from "../../lib/hosts/fleet.ts";
import type { AwsClients } from "../hosts/aws/clients.ts";
import {
  type EndingInstance,
  type LaunchedInstance,
  terminateInstance,
  waitForCommands,
  whyGone,
} from "../hosts/aws/instance.ts";
import { launch } from "../hosts/aws/launch.ts";
import { SsmMachine } from "../hosts/aws/ssm-machine.ts";
import { HostTrouble } from "../hosts/machine.ts";
import { problemOf } from "../ways/ask-builder.ts";
import { type ClientTls, tlsUpstream, Unreachable, type Upstream } from "../ways/dial.ts";
import type { Tunnel } from "./tunnel.ts";

/** Milliseconds until BuildKit is downloaded and keys are made. */
const READY_MS = 5 * 60_000;
/** How often, and how many milliseconds apart, a buildkitd that has just been started is asked. */
const ASKS = 30;
const ASK_MS = 2_000;
/** Milliseconds that asking an instance for its last words may take. */
const NOTICE_MS = 20_000;
/** What the builder's certificate is for: its address is one of this machine. */
const SERVER_NAME = "builder";

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/g;

/** A builder that was started for an update. */
export interface RentedBuilder {
  readonly instance: LaunchedInstance;
  readonly upstream: Upstream;
  /** Ends the instance; the second time nothing happens. */
  end(): Promise<void>;
  /** Why it was lost, as far as it or EC2 can say. */
  lastWords(): Promise<string | undefined>;
}

export interface RentOrder {
  /** Milliseconds since 1970 after which it is to be gone. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Hears of the instance as soon as there is one. */
  readonly onInstance: (instance: EndingInstance) => void;
  readonly openTunnel: (instance: string) => Tunnel;
}

/**
 * Starts an instance and a builder on it. Whatever goes wrong, and whoever interrupts it, nothing is left.
 *
 * @throws HostTrouble that says what was missing
 */
export async function rentBuilder(
  description: AwsBuilderDescription,
  order: RentOrder,
  clients: AwsClients,
): Promise<RentedBuilder> {
  const { signal } = order;
  const instance = await launch(description, description.subnets, order, clients, order.onInstance);
  const { id, type, zone, market } = instance;
  const tunnel = order.openTunnel(id);
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= terminateInstance(instance, clients);
    tunnel.close();
    return ending;
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    if (signal.aborted) throw new HostTrouble("the update was interrupted");
    await waitForCommands(id, clients, signal);
    const machine = new SsmMachine(id, clients);
    const tls = await makeKeys(machine, signal);
    const shown = `${id} (${type} ${market} in ${zone})`;
    const upstream = { shown, dial: throughTunnel(tunnel, tls) };
    await waitForBuildkit(upstream, clients, signal);
    return { instance, upstream, end, lastWords: () => lastWords(machine, id, clients) };
  } catch (error) {
    await end();
    throw error;
  }
}

function throughTunnel(tunnel: Tunnel, tls: ClientTls): Upstream["dial"] {
  return async (timeoutMs) => {
    const port = await tunnel.port().catch((error: Error) => {
      throw new Unreachable(`is out of Systems Manager's reach (${error.message})`, "");
    });
    return await tlsUpstream(`tcp://127.0.0.1:${port}`, tls).dial(timeoutMs);
  };
}

/** The client's key is made here and stays here; the builder's there. Only what anybody may know goes between. */
async function makeKeys(machine: SsmMachine, signal: AbortSignal): Promise<ClientTls> {
  const { publicKey, privateKey: key } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const { status, stdout, stderr } = await machine.run(["bash", "-c", builderKeys()], {
    stdin: Buffer.from(publicKey),
    limitMs: READY_MS,
    signal,
  });
  const [ca, cert] = stdout.toString().match(certificate) ?? [];
  if (status !== 0 || !ca || !cert) {
    throw new HostTrouble(`${machine.name} did not get ready: ${stderr.trim().slice(-500)}`);
  }
  return { ca, cert, key, serverName: SERVER_NAME };
}

async function waitForBuildkit(
  upstream: Upstream,
  { pause }: AwsClients,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    if (signal.aborted) throw new HostTrouble("the update was interrupted");
    const problem = await problemOf(upstream);
    if (problem === undefined) return;
    if (tries >= ASKS) throw new HostTrouble(`${upstream.shown} ${problem.message}`);
    await pause(ASK_MS, signal);
  }
}

async function lastWords(machine: SsmMachine, id: string, clients: AwsClients): Promise<string | undefined> {
  const gone = await whyGone(id, clients).catch(() => undefined);
  if (gone) return gone;
  const notice = await machine
    .run(["cat", "/run/strata/notice"], { limitMs: NOTICE_MS, signal: AbortSignal.timeout(NOTICE_MS) })
    .catch(() => undefined);
  return notice?.status === 0 ? notice.stdout.toString().trim() : undefined;
}
