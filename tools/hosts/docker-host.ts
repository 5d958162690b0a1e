import type { DockerDescription } from "../../lib/hosts/description.ts";
import { testInContainers } from "./container.ts";
import { loginFor } from "./login.ts";
import { LocalMachine } from "./machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "./test-host.ts";

/** Containers of the engine on this machine. */
export class DockerHost implements TestHost {
  readonly name: string;
  readonly hasGpu: boolean;
  readonly hasOthers = false;
  readonly dollarsPerHour = 0;
  readonly #description: DockerDescription;

  constructor(description: DockerDescription) {
    this.#description = description;
    this.hasGpu = description.gpu;
    this.name = `${description.engine} on this machine`;
  }

  canRetry(): boolean {
    return false;
  }

  async test(order: TestRequest): Promise<TestOutcome> {
    const { engine, gpu, keepImage } = this.#description;
    const machine = new LocalMachine();
    const login = await loginFor(order.reference);
    const tested = await testInContainers(machine, { command: engine, gpu, keepImage, login }, order);
    return { ...tested, host: { kind: "docker", name: machine.name }, cost: null };
  }
}
