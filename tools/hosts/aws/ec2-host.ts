import { DeleteParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import type { AwsDescription } from "../../../lib/hosts/description.ts";
import { parseReference } from "../../../oci/references.ts";
import { elapsed, note } from "../../program/progress.ts";
import { testInContainers } from "../container.ts";
import type { ContainerEngine } from "../container-script.ts";
import type { HostLogin } from "../login.ts";
import { loginFor } from "../login.ts";
import { HostTrouble, type Machine } from "../machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "../test-host.ts";
import { type AwsClients, awsClients } from "./clients.ts";
import { type Guard, startGuard, unguarded } from "./guard.ts";
import { type LaunchedInstance, terminateInstance, waitForCommands, whyGone } from "./instance.ts";
import { launch } from "./launch.ts";
import { SsmMachine } from "./ssm-machine.ts";

/** Milliseconds that preparing disks and Docker may take. */
const READY_MS = 5 * 60_000;

/** Waits until the user data is through. */
const ready =
  "until [ -e /run/strata/ready ]; do if [ -e /run/strata/failed ]; then cat /run/strata/problem >&2; exit 1; fi; sleep 2; done; cat /run/strata/disk";

/** An EC2 instance that is started for one test, and ends with it. */
export class Ec2Host implements TestHost {
  readonly name: string;
  readonly hasGpu = true;
  readonly hasOthers = true;
  readonly dollarsPerHour: number;
  readonly #host: AwsDescription;
  readonly #clients: AwsClients;
  readonly #login: (reference: string) => Promise<HostLogin>;
  readonly #openGuard: (host: AwsDescription) => Guard;
  #guard = unguarded();
  /** Subnets whose instance was no good. */
  readonly #tried = new Set<string>();
  #launched = false;

  constructor(host: AwsDescription, clients?: AwsClients, login = loginFor) {
    this.#host = host;
    this.#clients = clients ?? awsClients(host);
    this.#login = login;
    this.#openGuard = clients ? unguarded : startGuard;
    this.name = `aws ${host.region}`;
    this.dollarsPerHour = Math.max(...host.instances.map(({ dollarsPerHour }) => dollarsPerHour));
  }

  /** Another zone may do better where an instance was had; where none was, all zones were asked at once. */
  canRetry(): boolean {
    return this.#launched && this.#untried.length > 0;
  }

  get #untried(): string[] {
    return this.#host.subnets.filter((subnet) => !this.#tried.has(subnet));
  }

  /** Where the next instance may be: another zone, or where there is none the same ones, in which it is another machine. */
  get #subnets(): readonly string[] {
    return this.#untried.length > 0 ? this.#untried : this.#host.subnets;
  }

  async test(order: TestRequest): Promise<TestOutcome> {
    // Before there is anything, as it takes a second to start.
    this.#guard = this.#openGuard(this.#host);
    try {
      return await this.#test(order);
    } finally {
      this.#guard.tell({ done: true });
    }
  }

  async #test(order: TestRequest): Promise<TestOutcome> {
    this.#launched = false;
    const launched = await launch(this.#host, this.#subnets, order, this.#clients, (instance) =>
      this.#guard.tell({ instance }),
    ).catch(asTrouble);
    this.#launched = true;
    this.#tried.add(launched.subnet);
    const { id, type, zone, market, dollarsPerHour } = launched;
    note(`${id}: ${type} ${market} in ${zone}, $${dollarsPerHour.toFixed(2)} an hour at most`);
    let ending: Promise<void> | undefined;
    const end = () => {
      ending ??= terminateInstance(launched, this.#clients);
      return ending;
    };
    // Whoever interrupts a test may leave it no more than a moment: what costs money goes first.
    order.signal.addEventListener("abort", end, { once: true });
    try {
      if (order.signal.aborted) throw new HostTrouble("the test was interrupted");
      const tested = await this.#testOn(launched, order);
      const hours = (Date.now() - launched.at) / 3_600_000;
      return {
        ...tested,
        host: { kind: "aws", name: id, instanceType: type, zone, market },
        cost: { dollarsPerHour, dollars: Math.round(hours * dollarsPerHour * 10_000) / 10_000 },
      };
    } catch (error) {
      const gone = order.signal.aborted ? undefined : await whyGone(id, this.#clients).catch(() => undefined);
      if (gone) throw new HostTrouble(`${id} ${gone}`);
      return asTrouble(error);
    } finally {
      order.signal.removeEventListener("abort", end);
      await end();
      note(`${id}: ended after ${elapsed(Date.now() - launched.at)}`);
    }
  }

  async #testOn({ id }: LaunchedInstance, order: TestRequest) {
    await waitForCommands(id, this.#clients, order.signal).catch(asTrouble);
    const machine: Machine = new SsmMachine(id, this.#clients);
    const { status, stdout, stderr } = await machine.run(["sh", "-c", ready], {
      limitMs: READY_MS,
      signal: order.signal,
    });
    if (status !== 0) throw new HostTrouble(`${id} did not get ready: ${stderr.trim().slice(-500)}`);
    note(`${id}: ${stdout.toString().trim()}`);
    const login = await this.#login(order.reference);
    const engine = { command: "docker", gpu: true, keepImage: true, goesAway: true };
    return await this.#withLogin(order, login, (way) =>
      testInContainers(machine, { ...engine, ...way }, order),
    );
  }

  /**
   * ECR knows the instance by its role. Another registry's password lies in an encrypted parameter until the instance has
   * the image, or the test is interrupted.
   */
  async #withLogin<T>(
    { reference, signal }: TestRequest,
    login: HostLogin,
    work: (way: Pick<ContainerEngine, "login" | "onPulled">) => Promise<T>,
  ): Promise<T> {
    const { registry } = parseReference(reference);
    const ecr = /^\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(registry)?.[1];
    if (ecr) return await work({ login: { kind: "ecr", region: ecr } });
    if (login.kind !== "password") return await work({ login: { kind: "none" } });
    const { loginParameter: name, region } = this.#host;
    const { ssm } = this.#clients;
    const { username, password } = login;
    this.#guard.tell({ parameter: name });
    await ssm
      .send(new PutParameterCommand({ Name: name, Value: password, Type: "SecureString", Overwrite: true }))
      .catch(asTrouble);
    let removal: Promise<void> | undefined;
    const remove = () => {
      removal ??= ssm.send(new DeleteParameterCommand({ Name: name })).then(
        () => this.#guard.tell({ parameter: null }),
        () => note(`the parameter ${name} stays: npm run reaper removes it`),
      );
      return removal;
    };
    signal.addEventListener("abort", remove, { once: true });
    try {
      if (signal.aborted) throw new HostTrouble("the test was interrupted");
      return await work({ login: { kind: "parameter", region, name, username }, onPulled: remove });
    } finally {
      signal.removeEventListener("abort", remove);
      await remove();
    }
  }
}

/** What AWS refuses says nothing about the image: missing permissions, throttling, a name that is not there. */
function asTrouble(error: unknown): never {
  const isOfAws =
    error instanceof Error && ("$metadata" in error || error.name === "CredentialsProviderError");
  if (!isOfAws) throw error;
  throw new HostTrouble(`AWS refuses: ${error.name}: ${error.message}`);
}
