import type { Evidence } from "../../lib/evidence/evidence.ts";
import { failedChecks, mayBeTheMachines, type SecondOpinion } from "../../lib/evidence/second-opinion.ts";
import { note } from "../program/progress.ts";
import { HostTrouble } from "./machine.ts";
import type { TestHost, TestOutcome, TestRequest } from "./test-host.ts";

/** What one test may take, all attempts together. */
export interface Limits {
  readonly dollars: number;
  readonly minutes: number;
}

/** What the first host that had something to say found, or that none had. */
export interface Outcome {
  readonly tested: TestOutcome | undefined;
  /** Which machine that was. */
  readonly machine?: string;
  /** From asking that host to its answer. */
  readonly seconds: number;
  /** Hosts that said nothing about the image, and the one that another had to be asked after. */
  readonly attempts: Evidence["attempts"];
  /** Where a machine with a GPU failed the image. */
  readonly secondOpinion?: SecondOpinion;
}

/** Less time than this is not worth a start, in milliseconds. */
const LEAST_MS = 60_000;

/**
 * Asks one host after the other, until one says something about the image or the budget is spent. A verdict that is
 * inconclusive is trouble of the host as well; the last one is returned, so that it can be read. A failure on a GPU that may
 * be the machine's is asked again on another machine before it blames the image.
 */
export async function testSomewhere(
  hosts: readonly TestHost[],
  order: Omit<TestRequest, "deadline">,
  limits: Limits,
  now: () => number = Date.now,
): Promise<Outcome> {
  const round = new Round(order, limits, now);
  let first: Answer | undefined;
  for (const host of hosts) {
    // A machine without a GPU cannot contradict one that has it, nor one itself.
    if (first && (!host.hasGpu || host.name === first.host.name)) continue;
    for (let again = true; again; ) {
      if (!round.allows(host)) break;
      const answer = await round.ask(host);
      if (!answer) again = host.canRetry();
      else if (first) return round.second(first, answer);
      else if (!isDoubtful(host, answer.tested)) return round.outcome(answer);
      else {
        first = answer;
        round.doubt(first);
        again = host.hasOthers;
      }
    }
  }
  return first ? round.alone(first) : round.outcome();
}

function isDoubtful({ hasGpu }: TestHost, { report }: TestOutcome): boolean {
  return hasGpu && report.verdict === "fail" && mayBeTheMachines(report.checks);
}

/** What a host said about the image. */
interface Answer {
  readonly host: TestHost;
  readonly tested: TestOutcome;
  readonly seconds: number;
}

/** One test: what is left of its time and money, and who was asked. */
class Round {
  readonly #order: Omit<TestRequest, "deadline">;
  readonly #now: () => number;
  readonly #end: number;
  readonly #attempts: Evidence["attempts"] = [];
  #money: number;
  /** The last that could not tell. */
  #last: Answer | undefined;

  constructor(order: Omit<TestRequest, "deadline">, { dollars, minutes }: Limits, now: () => number) {
    this.#order = order;
    this.#now = now;
    this.#end = now() + minutes * 60_000;
    this.#money = dollars;
  }

  /** Whether a host can be asked; writes down where there is too little for it. */
  allows(host: TestHost): boolean {
    if (this.#order.signal.aborted) return false;
    const { time, affordable } = this.#left(host);
    if (Math.min(time, affordable) >= LEAST_MS) return true;
    const lacks = time < affordable ? "time" : "money";
    this.#fail(host.name, `not asked: no ${lacks} of the budget is left`, this.#now());
    return false;
  }

  /** What a host says about the image; undefined where it says nothing. */
  async ask(host: TestHost): Promise<Answer | undefined> {
    const started = this.#now();
    const { time, affordable } = this.#left(host);
    note(`testing on ${host.name}`);
    try {
      const deadline = started + Math.min(time, affordable);
      const tested = await host.test({ ...this.#order, deadline });
      const answer = { host, tested, seconds: (this.#now() - started) / 1000 };
      this.#money -= tested.cost?.dollars ?? 0;
      if (tested.report.verdict !== "inconclusive") return answer;
      this.#last = answer;
      const reasons = tested.report.checks
        .filter(({ status }) => status === "inconclusive")
        .map(({ id, reason }) => `${id}: ${reason ?? "inconclusive"}`);
      this.#fail(host.name, reasons.join("; ") || "no check said anything", started);
    } catch (error) {
      if (!(error instanceof HostTrouble)) throw error;
      this.#money -= (host.dollarsPerHour * (this.#now() - started)) / 3_600_000;
      this.#fail(host.name, error.message, started);
    }
    return undefined;
  }

  /** Writes down that an image failed, and that another machine is asked before it is blamed. */
  doubt(first: Answer): void {
    const reasons = first.tested.report.checks
      .filter(({ status }) => status === "fail")
      .map(({ id, reason }) => `${id}: ${reason ?? "failed"}`);
    this.#fail(machineOf(first), `failed ${reasons.join("; ")}`, this.#now() - first.seconds * 1000);
    note("a failure on a GPU may be the machine's: another one is asked before the image is blamed");
  }

  outcome(answer = this.#last): Outcome {
    const attempts = this.#attempts;
    if (!answer) return { tested: undefined, seconds: 0, attempts };
    const { tested, seconds } = answer;
    return { tested, machine: machineOf(answer), seconds, attempts };
  }

  second(first: Answer, answer: Answer): Outcome {
    const { verdict, checks } = answer.tested.report;
    const failed = failedChecks(checks).join(", ");
    const by = machineOf(answer);
    return {
      ...this.outcome(answer),
      secondOpinion: {
        outcome: verdict === "pass" ? "contradicted" : "confirmed",
        machine: machineOf(first),
        failed: failedChecks(first.tested.report.checks),
        reason: verdict === "pass" ? `${by} passed the image` : `${by} failed it too (${failed})`,
      },
    };
  }

  /** The failure of a machine that nobody contradicts, as nobody else could be asked. */
  alone(first: Answer): Outcome {
    // What it found is the verdict, and no attempt.
    const index = this.#attempts.findIndex(({ host }) => host === machineOf(first));
    const others = this.#attempts.slice(index + 1).map(({ host, reason }) => `${host}: ${reason}`);
    const reason = this.#order.signal.aborted
      ? "the test was interrupted"
      : others.join("; ") || "there is only one machine with a GPU to ask (strata:host)";
    return {
      ...this.outcome(first),
      attempts: this.#attempts.toSpliced(index, 1),
      secondOpinion: {
        outcome: "none",
        machine: machineOf(first),
        failed: failedChecks(first.tested.report.checks),
        reason,
      },
    };
  }

  /** Milliseconds that a host may take now, by the clock and by its price. */
  #left({ dollarsPerHour }: TestHost): { time: number; affordable: number } {
    const affordable = dollarsPerHour > 0 ? (this.#money / dollarsPerHour) * 3_600_000 : Infinity;
    return { time: this.#end - this.#now(), affordable };
  }

  #fail(host: string, reason: string, started: number): void {
    this.#attempts.push({ host, reason, seconds: Math.round((this.#now() - started) / 1000) });
    note(`${host}: ${reason}`);
  }
}

/** Of the machines of one host each has a name of its own: an instance's id, with its type and zone. */
function machineOf({ tested, host }: Answer): string {
  const { host: where } = tested;
  return where.kind === "aws" ? `${where.name} (${where.instanceType} in ${where.zone})` : host.name;
}
