import type { SshDescription } from "../../lib/hosts/description.ts";
import { isLoopback, parseReference } from "../../oci/references.ts";
import { testInContainers } from "./container.ts";
import { loginFor } from "./login.ts";
import { connectSsh } from "./ssh.ts";
import type { TestHost, TestOutcome, TestRequest } from "./test-host.ts";

/** Containers on a machine that is reached by SSH. */
export class SshHost implements TestHost {
  readonly name: string;
  readonly hasGpu: boolean;
  readonly hasOthers = false;
  readonly dollarsPerHour: number;
  readonly #description: SshDescription;
  readonly #privateKey: string | undefined;

  constructor(description: SshDescription, privateKey: string | undefined) {
    this.#description = description;
    this.hasGpu = description.gpu;
    this.#privateKey = privateKey;
    this.name = `${description.address}:${description.port}`;
    this.dollarsPerHour = description.dollarsPerHour ?? 0;
  }

  canRetry(): boolean {
    return false;
  }

  async test(order: TestRequest): Promise<TestOutcome> {
    const { engine, sudo, gpu, keepImage, dollarsPerHour } = this.#description;
    const started = Date.now();
    const machine = await connectSsh({ ...this.#description, privateKey: this.#privateKey }, order.signal);
    try {
      const { registry } = parseReference(order.reference);
      // Our loopback address means the machine itself over there.
      if (isLoopback(registry)) await machine.lend(Number(/:(\d+)$/.exec(registry)?.[1] ?? 80));
      const command = sudo ? `sudo -n ${engine}` : engine;
      const login = await loginFor(order.reference);
      const tested = await testInContainers(machine, { command, gpu, keepImage, login }, order);
      const hours = (Date.now() - started) / 3_600_000;
      return {
        ...tested,
        host: { kind: "ssh", name: this.name },
        cost:
          dollarsPerHour === undefined ? null : { dollarsPerHour, dollars: round(hours * dollarsPerHour) },
      };
    } finally {
      await machine.close();
    }
  }
}

function round(dollars: number): number {
  return Math.round(dollars * 10_000) / 10_000;
}
