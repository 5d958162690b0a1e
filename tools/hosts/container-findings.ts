/** What container.sh printed as findings about an image, or as trouble of the host. */
import { compare } from "compare-versions";
import { type CheckResult, judge } from "../../lib/evidence/check-results.ts";
import type { RunReport } from "../../lib/evidence/evidence.ts";
import { lacking, type MemoryNeed } from "../../lib/gpu/memory.ts";

import { tail } from "../program/exec.ts";
import { type CommandEnd, HostTrouble } from "./machine.ts";
import type { TestRequest } from "./test-host.ts";

/** Seconds that the image may take to become healthy. */
export const HEALTHY_SECONDS = 300;

/** What the host itself checks, beside what runs inside the image. */
const CHECK = "90-container";

/** Throws unless the machine's first card and its driver are what the image is for. */
export function checkCards(listed: string, { computeCapabilities, minimumDriver }: TestRequest): void {
  const [line = ""] = listed.trim().split("\n");
  const [card = "", driver = "", capability = ""] = line.split(",").map((part) => part.trim());
  if (!/^\d+(\.\d+)+$/.test(driver)) throw new HostTrouble(`the driver of this host tells nothing: ${line}`);
  if (compare(driver, minimumDriver, "<")) {
    throw new HostTrouble(`driver ${driver} is older than ${minimumDriver}, which the image needs`);
  }
  if (!computeCapabilities.includes(capability)) {
    throw new HostTrouble(
      `${card} has compute capability ${capability}; the image is for ${computeCapabilities.join(", ")}`,
    );
  }
}

/**
 * Throws where the image's own workflow would run out of memory: that says nothing about the image. What a machine does not
 * tell, or not in numbers, is not held against it.
 */
export function checkMemory(listed: string, memory: string, need: MemoryNeed): void {
  const [first = ""] = listed.trim().split("\n");
  const card = / (\d+) MiB$/.exec(first)?.[1];
  const ram = /^\d+$/.exec(memory.trim())?.[0];
  const problem = lacking(need, {
    gpu: card === undefined ? Infinity : Number(card) * 2 ** 20,
    ram: ram === undefined ? Infinity : Number(ram),
  });
  if (problem) throw new HostTrouble(`this host ${problem}`);
}

/** What the script says itself begins so; all else is of the checks. */
export const STATUS_LINE = "strata: ";

/** How the checks' container ended. */
export interface RunEnd {
  readonly startSeconds: number | undefined;
  readonly status: string;
  readonly outOfMemory: boolean;
  /** What the engine itself had to say. */
  readonly problem: string;
  readonly output: string;
}

/** How the checks ended, by what `start` printed. */
export function readRun({ stdout, stderr }: CommandEnd): RunEnd {
  const lines = stdout.toString().trimEnd().split("\n");
  const statusLine = lines.findLastIndex((line) => line.startsWith(STATUS_LINE));
  const [before = "", first = "", status = "", killed = "", ...error] = (lines[statusLine] ?? "")
    .slice(STATUS_LINE.length)
    .split(" ");
  const took = (Date.parse(first) - Date.parse(before)) / 1000;
  return {
    startSeconds: Number.isFinite(took) && took >= 0 ? took : undefined,
    status,
    outOfMemory: killed === "true",
    problem: [...error, ...lines.slice(statusLine + 1)].join(" ").trim() || tail(stderr, 3).trim(),
    output: [...lines.slice(0, Math.max(0, statusLine)), stderr].join("\n"),
  };
}

/** What an engine says when it cannot give a container the GPUs: the image never ran. */
const noGpu =
  /could not select device driver|nvidia-container-cli: (initialization|mount) error|unresolvable CDI|CDI device|failed to discover|nvidia-container-runtime.*(not found|no such file)/i;

/** A container that ended without findings; throws where that was the host's doing. */
export function withoutReport({ status, outOfMemory, problem, output }: RunEnd): CheckResult {
  if (outOfMemory) throw new HostTrouble("the host ran out of memory");
  if (noGpu.test(problem)) throw new HostTrouble(`the engine cannot give a container the GPUs: ${problem}`);
  return {
    ...result("start", "the checks run in the image", false),
    reason: `they ended with status ${status || "unknown"} and no findings${problem && `: ${problem}`}`,
    ...(output.trim() ? { output: output.trim().slice(-4_000) } : {}),
  };
}

/** What `serve` printed: whether the image became healthy, and how often it had to begin anew. */
export function readServed(text: string, allowed: number): CheckResult[] {
  const [health = "", state = "", ...log] = text.split("\n");
  const seconds = Number(/^healthy (\d+) s$/.exec(health)?.[1] ?? Number.NaN);
  const [restarts = "", status = ""] = state.split(" ");
  const isHealthy = Number.isFinite(seconds);
  if (!isHealthy && status === "running" && allowed < HEALTHY_SECONDS) {
    throw new HostTrouble(`the budget left ${allowed} s to see whether the image gets ready`);
  }
  const stays = restarts === "0" && status === "running";
  const output = log.join("\n").trim().slice(-4_000);
  const shown = output ? { output } : {};
  return [
    {
      ...result("stranger", "starts as a user whom the image does not know, with a volume", isHealthy),
      seconds: isHealthy ? seconds : HEALTHY_SECONDS,
      ...(isHealthy ? {} : { reason: "never became healthy", ...shown }),
    },
    {
      ...result("restarts", "stays up without being restarted", stays),
      ...(stays ? {} : { reason: `${restarts} restarts, then ${status}`, ...shown }),
    },
  ];
}

function result(step: string, title: string, isRight: boolean): CheckResult {
  return { id: `${CHECK}.${step}`, title, status: isRight ? "pass" : "fail", seconds: 0 };
}

/** A report of what the host alone found: the image's own checks never ran. */
export function reportOf(checks: CheckResult[]): RunReport {
  const startedAt = new Date().toISOString();
  const nothing = { versions: {}, gpu: null, measurements: {}, due: [CHECK] };
  return { schema: 3, verdict: judge(checks), startedAt, seconds: 0, checks, ...nothing };
}

/** The report with the host's own findings, which are due as well. */
export function joined(report: RunReport, hostChecks: CheckResult[]): RunReport {
  const checks = [...report.checks, ...hostChecks];
  return {
    ...report,
    verdict: judge(checks),
    seconds: report.seconds + hostChecks.reduce((sum, { seconds }) => sum + seconds, 0),
    due: [...report.due, CHECK],
    checks,
  };
}
