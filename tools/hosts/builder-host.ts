import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { type Home, repository } from "../../home.ts";
import { parseRunReport } from "../../lib/evidence/evidence.ts";
import { buildInBuilder } from "../builder/builder.ts";
import { tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { HostTrouble } from "./machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "./test-host.ts";

/** Times that BuildKit puts before a line of a step's output: `#7 12.3 `. */
const stepPrefix = /^#\d+ [0-9.]+ /;

/** A build step on top of the image, in the builder called `builder`: it has no GPU. */
export class BuilderHost implements TestHost {
  readonly name = "the builder";
  readonly hasGpu = false;
  readonly hasOthers = false;
  readonly dollarsPerHour = 0;
  readonly #home: Home;
  readonly #builder: string;

  constructor(home: Home, builder: string) {
    this.#home = home;
    this.#builder = builder;
  }

  canRetry(): boolean {
    return false;
  }

  async test({ reference, deadline, signal }: TestRequest): Promise<TestOutcome> {
    const output = await mkdtemp(join(tmpdir(), "strata-smoke-"));
    const limitMs = Math.max(1, deadline - Date.now());
    const limit = AbortSignal.timeout(limitMs);
    try {
      const result = await buildInBuilder(this.#home, this.#builder, {
        folder: join(repository, "smoke"),
        images: { product: reference },
        // Checks run each time they are asked for: BuildKit must not answer from its cache.
        args: { RUN: new Date().toISOString() },
        output: `type=local,dest=${output}`,
        onLine: showCheck,
        signal: AbortSignal.any([signal, limit]),
      });
      // A build that was ended says nothing, nor does one that ended by itself in that moment.
      if (signal.aborted) throw new HostTrouble("the test was interrupted");
      if (!result.ok && limit.aborted) {
        throw new HostTrouble(
          `no end within ${Math.round(limitMs / 1000)} s, which is all that the budget leaves`,
        );
      }
      if (!result.ok) {
        throw new UserError(reference, `the smoke test could not run:\n${tail(result.all, 30)}`, "");
      }
      const report = parseRunReport(await readFile(join(output, "evidence.json"), "utf8"), "smoke test");
      return { report, host: { kind: "builder" }, preparation: {}, cost: null };
    } finally {
      await rm(output, { recursive: true, force: true });
    }
  }
}

/** The checks' own lines, without BuildKit's. */
function showCheck(line: string): void {
  const text = line.replace(stepPrefix, "");
  if (text !== line) note(text);
}
