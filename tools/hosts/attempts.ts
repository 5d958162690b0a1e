import type { Evidence } from "../../lib/evidence/evidence.ts";
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
  /** From asking that host to its answer. */
  readonly seconds: number;
  /** Hosts that said nothing about the image. */
  readonly attempts: Evidence["attempts"];
}

/** Less time than this is not worth a start, in milliseconds. */
const LEAST_MS = 60_000;

/**
 * Asks one host after the other, until one says something about the image or the budget is spent. A verdict that is
 * inconclusive is trouble of the host as well; the last one is returned, so that it can be read.
 */
export async function testSomewhere(
  hosts: readonly TestHost[],
  order: Omit<TestRequest, "deadline">,
  { dollars, minutes }: Limits,
  now: () => number = Date.now,
): Promise<Outcome> {
  const end = now() + minutes * 60_000;
  const attempts: { host: string; reason: string; seconds: number }[] = [];
  let money = dollars;
  let last: TestOutcome | undefined;
  let seconds = 0;
  const fail = (host: string, reason: string, started: number) => {
    attempts.push({ host, reason, seconds: Math.round((now() - started) / 1000) });
    note(`${host}: ${reason}`);
  };
  /** Milliseconds that `host` may take now; undefined where that is nothing. */
  const allowed = (host: TestHost): number | undefined => {
    const time = end - now();
    const affordable = host.dollarsPerHour > 0 ? (money / host.dollarsPerHour) * 3_600_000 : Infinity;
    const limit = Math.min(time, affordable);
    if (limit >= LEAST_MS) return limit;
    fail(host.name, `not asked: no ${time < affordable ? "time" : "money"} of the budget is left`, now());
    return undefined;
  };
  const ask = async (host: TestHost, limit: number): Promise<TestOutcome | undefined> => {
    const started = now();
    note(`testing on ${host.name}`);
    try {
      const tested = await host.test({ ...order, deadline: started + limit });
      seconds = (now() - started) / 1000;
      if (tested.report.verdict !== "inconclusive") return tested;
      last = tested;
      money -= tested.cost?.dollars ?? 0;
      const reasons = tested.report.checks
        .filter(({ status }) => status === "inconclusive")
        .map(({ id, reason }) => `${id}: ${reason ?? "inconclusive"}`);
      fail(host.name, reasons.join("; ") || "no check said anything", started);
    } catch (error) {
      if (!(error instanceof HostTrouble)) throw error;
      money -= (host.dollarsPerHour * (now() - started)) / 3_600_000;
      fail(host.name, error.message, started);
    }
    return undefined;
  };
  for (const host of hosts) {
    do {
      const limit = order.signal.aborted ? undefined : allowed(host);
      if (limit === undefined) break;
      const tested = await ask(host, limit);
      if (tested) return { tested, seconds, attempts };
    } while (host.canRetry());
  }
  return { tested: last, seconds, attempts };
}
