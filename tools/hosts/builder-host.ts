import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import { type EvidenceHost, parseRunReport } from "../../lib/evidence/evidence.ts";
import { deviceProblem, frontendArgs, withDevice } from "../../lib/hosts/builder-gpu.ts";
import type { BuilderDescription } from "../../lib/hosts/description.ts";
import { type BuildRequest, buildInBuilder } from "../builder/builder.ts";
import { builderGpu } from "../builder/find-gpu.ts";
import { type CommandResult, tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { HostTrouble } from "./machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "./test-host.ts";

/** Times that BuildKit puts before a line of a step's output: `#7 12.3 `. */
const stepPrefix = /^#\d+ [0-9.]+ /;

const smoke = join(repository, "smoke");

/** A build step on top of the image, in the builder called `builder`; with its GPU where the stack says so. */
export class BuilderHost implements TestHost {
  readonly name: string;
  readonly hasGpu: boolean;
  readonly hasOthers = false;
  readonly dollarsPerHour = 0;
  readonly #home: Home;
  readonly #builder: string;
  readonly #frontend: string | undefined;

  constructor(home: Home, builder: string, { gpu = false, frontend }: Omit<BuilderDescription, "kind"> = {}) {
    this.#home = home;
    this.#builder = builder;
    this.#frontend = frontend;
    this.hasGpu = gpu;
    this.name = gpu ? "the builder's GPU" : "the builder";
  }

  canRetry(): boolean {
    return false;
  }

  async test(order: TestRequest): Promise<TestOutcome> {
    const { reference, deadline, signal } = order;
    const output = await mkdtemp(join(tmpdir(), "strata-smoke-"));
    const limitMs = Math.max(1, deadline - Date.now());
    const limit = AbortSignal.timeout(limitMs);
    try {
      const { host, more, args } = this.hasGpu ? await this.#withGpu(order) : withoutGpu;
      const result = await buildInBuilder(this.#home, this.#builder, {
        folder: smoke,
        images: { product: reference },
        // Checks run each time they are asked for: BuildKit must not answer from its cache.
        args: { RUN: new Date().toISOString(), ...args },
        output: `type=local,dest=${output}`,
        onLine: showCheck,
        signal: AbortSignal.any([signal, limit]),
        ...more,
      });
      // A build that was ended says nothing, nor does one that ended by itself in that moment.
      if (signal.aborted) throw new HostTrouble("the test was interrupted");
      if (!result.ok && limit.aborted) {
        throw new HostTrouble(
          `no end within ${Math.round(limitMs / 1000)} s, which is all that the budget leaves`,
        );
      }
      if (!result.ok) throw this.#failure(reference, result);
      const report = parseRunReport(await readFile(join(output, "evidence.json"), "utf8"), "smoke test");
      return { report, host, preparation: {}, cost: null };
    } finally {
      await rm(output, { recursive: true, force: true });
    }
  }

  /** What a test on the builder's GPU has beside another. @throws HostTrouble where the builder has none */
  async #withGpu({ memory }: TestRequest): Promise<Extras> {
    const frontend = this.#frontend;
    const gpu = await builderGpu(this.#home, this.#builder, process.env, { start: true, frontend });
    if (gpu.device === undefined) throw new HostTrouble(`the builder ${this.#builder}: ${gpu.problem}`);
    const { device } = gpu;
    const needs = memory ? ` --gpu-memory ${memory.gpu} --ram ${memory.ram}` : "";
    return {
      host: { kind: "builder", device },
      // The stack's `gpu` is the leave for exactly this device; no other build of strata gives any.
      more: {
        dockerfile: withDevice(await readFile(join(smoke, "Dockerfile"), "utf8"), device),
        allow: [`device=${device}`],
      },
      args: { SMOKE_OPTIONS: `--gpu${needs}`, ...frontendArgs(frontend) },
    };
  }

  #failure(reference: string, { all }: CommandResult): Error {
    const problem = this.hasGpu ? deviceProblem(all) : undefined;
    if (problem !== undefined) return new HostTrouble(problem);
    return new UserError(reference, `the smoke test could not run:\n${tail(all, 30)}`, "");
  }
}

/** What a GPU adds to a test. */
interface Extras {
  readonly host: EvidenceHost;
  readonly more: Pick<BuildRequest, "dockerfile" | "allow">;
  readonly args: Readonly<Record<string, string>>;
}

const withoutGpu: Extras = { host: { kind: "builder" }, more: {}, args: {} };

/** The checks' own lines, without BuildKit's. */
function showCheck(line: string): void {
  const text = line.replace(stepPrefix, "");
  if (text !== line) note(text);
}
