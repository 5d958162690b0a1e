import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { type CheckResult, judge } from "../../lib/evidence/check-results.ts";
import { type Evidence, parseRunReport, type RunReport } from "../../lib/evidence/evidence.ts";
import { isAtLeast } from "../../lib/versions.ts";
import { tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { firstFile, packChecks } from "./checks.ts";
import { type CommandEnd, HostTrouble, type Machine, type RunOptions } from "./machine.ts";
import type { TestRequest } from "./test-host.ts";

/** Where an image of strata answers whether it is healthy: recipes name it as their health check. */
export const HEALTHCHECK = "/opt/strata/runtime/healthcheck";
/** Seconds that the image may take to become healthy. */
const HEALTHY_SECONDS = 300;
/** Seconds that starting and stopping it take beside that. */
const SERVE_SPARE_SECONDS = 30;
/** Milliseconds for what takes no time on a machine that works. */
const SHORT_MS = 120_000;
/** Seconds after the deadline in which nobody removes a container that seems to be left behind. */
const SPARE_SECONDS = 600;

/** Exit statuses of container.sh. */
const TROUBLE = 69;
const FAULT = 65;
/** What the host itself checks, beside what runs inside the image. */
const CHECK = "90-container";

/** Where the password for the registry is: here, or where the machine finds it itself. */
export type HostLogin =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "ecr"; readonly region: string }
  | { readonly kind: "parameter"; readonly region: string; readonly name: string; readonly username: string };

/** How a machine tests. */
export interface ContainerEngine {
  /** `docker`, or `sudo -n podman`. */
  readonly command: string;
  readonly gpu: boolean;
  readonly keepImage: boolean;
  readonly login: HostLogin;
}

/** What containers on a machine say about an image. */
export interface ContainerTest {
  readonly report: RunReport;
  readonly preparation: Evidence["preparation"];
}

/**
 * Tests an image in containers on `machine`, and leaves nothing behind there.
 *
 * @throws HostTrouble where the machine could not do it
 * @throws UserError where the registry has no such image, or does not give it to us
 */
export async function testInContainers(
  machine: Machine,
  engine: ContainerEngine,
  order: TestRequest,
): Promise<ContainerTest> {
  const { reference, deadline, signal } = order;
  const name = `strata-smoke-${randomBytes(6).toString("hex")}`;
  const until = String(Math.round(deadline / 1000) + SPARE_SECONDS);
  const gpu = engine.gpu ? "yes" : "no";
  const left = () => deadline - Date.now();
  const call = (words: readonly string[], options: RunOptions = {}) =>
    callScript(machine, engine, words, { limitMs: Math.min(SHORT_MS, left()), signal, ...options });
  let keepsImage = true;
  try {
    await call(["ready"]);
    if (engine.gpu) checkCards((await call(["driver"])).stdout.toString(), order);
    const pulled = await pull(call, engine.login, reference, left());
    keepsImage = engine.keepImage || pulled.wasThere;
    const preparation = { pullSeconds: pulled.seconds };

    await call(["create", name, until, reference, gpu], {
      stdin: await packChecks(join(repository, "smoke")),
    });
    const run = readRun(
      await call(["start", name], {
        limitMs: left(),
        onLine: (line) => {
          if (!line.startsWith(OWN_LINE)) note(line);
        },
      }),
    );
    const report = await readReport(machine, engine, name, signal);
    if (!report) return { report: reportOf([withoutReport(run)]), preparation };
    // A host that cannot test the image cannot serve it either.
    if (report.verdict === "inconclusive") return { report, preparation };

    const seconds = Math.max(0, Math.min(HEALTHY_SECONDS, Math.floor(left() / 1000) - SERVE_SPARE_SECONDS));
    const words = ["serve", name, until, reference, gpu, HEALTHCHECK, String(seconds)];
    const served = readServed((await call(words, { limitMs: left() })).stdout.toString(), seconds);
    for (const result of served) note(`${result.status} ${result.id}  ${result.seconds.toFixed(1)} s`);
    return {
      report: joined(report, served),
      preparation: {
        ...preparation,
        ...(run.startSeconds === undefined ? {} : { startSeconds: run.startSeconds }),
      },
    };
  } finally {
    await clean(machine, engine, name, keepsImage ? [] : [reference]);
  }
}

type Call = (words: readonly string[], options?: RunOptions) => Promise<CommandEnd>;

/** Runs a verb of container.sh; its exit status says whose fault a failure is. */
async function callScript(
  machine: Machine,
  { command }: Pick<ContainerEngine, "command">,
  words: readonly string[],
  options: RunOptions,
): Promise<CommandEnd> {
  const script = readFileSync(join(repository, "lib/hosts/container.sh"), "utf8");
  const ended = await machine.run(["sh", "-c", script, "container.sh", command, ...words], options);
  if (ended.status === 0) return ended;
  const reason = tail(ended.stderr, 3).trim() || `${words[0]} ended with status ${ended.status}`;
  if (ended.status === FAULT) throw new UserError(words[1] ?? "", `cannot be had: ${reason}.`, "");
  throw new HostTrouble(
    ended.status === TROUBLE || ended.status === 1
      ? reason
      : `${words[0]} ended with status ${ended.status}: ${reason}`,
  );
}

async function pull(
  call: Call,
  login: HostLogin,
  reference: string,
  leftMs: number,
): Promise<{ wasThere: boolean; seconds: number }> {
  const started = Date.now();
  const words = ["pull", reference, String(Math.max(1, Math.floor(leftMs / 1000))), ...loginWords(login)];
  const { stdout } = await call(words, {
    limitMs: leftMs + 5_000,
    ...(login.kind === "password" ? { stdin: Buffer.from(login.password) } : {}),
  });
  const wasThere = stdout.toString().trim() === "present";
  return { wasThere, seconds: wasThere ? 0 : (Date.now() - started) / 1000 };
}

function loginWords(login: HostLogin): string[] {
  switch (login.kind) {
    case "none":
      return ["none"];
    case "password":
      return ["stdin", login.username];
    case "ecr":
      return [`ecr:${login.region}`, "AWS"];
    case "parameter":
      return [`parameter:${login.region}:${login.name}`, login.username];
  }
}

/** Throws unless the machine's first card and its driver are what the image is for. */
function checkCards(listed: string, { computeCapabilities, minimumDriver }: TestRequest): void {
  const [line = ""] = listed.trim().split("\n");
  const [card = "", driver = "", capability = ""] = line.split(",").map((part) => part.trim());
  if (!/^\d+(\.\d+)+$/.test(driver)) throw new HostTrouble(`the driver of this host tells nothing: ${line}`);
  if (!isAtLeast(driver, minimumDriver)) {
    throw new HostTrouble(`driver ${driver} is older than ${minimumDriver}, which the image needs`);
  }
  if (!computeCapabilities.includes(capability)) {
    throw new HostTrouble(
      `${card} has compute capability ${capability}; the image is for ${computeCapabilities.join(", ")}`,
    );
  }
}

const OWN_LINE = "strata: ";

/** How the checks' container ended. */
interface RunEnd {
  readonly startSeconds: number | undefined;
  readonly status: string;
  readonly outOfMemory: boolean;
  /** What the engine itself had to say. */
  readonly problem: string;
  readonly output: string;
}

function readRun({ stdout, stderr }: CommandEnd): RunEnd {
  const lines = stdout.toString().trimEnd().split("\n");
  const own = lines.findLastIndex((line) => line.startsWith(OWN_LINE));
  const [before = "", first = "", status = "", killed = "", ...error] = (lines[own] ?? "")
    .slice(OWN_LINE.length)
    .split(" ");
  const took = (Date.parse(first) - Date.parse(before)) / 1000;
  return {
    startSeconds: Number.isFinite(took) && took >= 0 ? took : undefined,
    status,
    outOfMemory: killed === "true",
    problem: [...error, ...lines.slice(own + 1)].join(" ").trim() || tail(stderr, 3).trim(),
    output: [...lines.slice(0, Math.max(0, own)), stderr].join("\n"),
  };
}

/** What an engine says when it cannot give a container the GPUs: the image never ran. */
const noGpu =
  /could not select device driver|nvidia-container-cli: (initialization|mount) error|unresolvable CDI|CDI device|failed to discover|nvidia-container-runtime.*(not found|no such file)/i;

/** A container that ended without findings; throws where that was the host's doing. */
function withoutReport({ status, outOfMemory, problem, output }: RunEnd): CheckResult {
  if (outOfMemory) throw new HostTrouble("the host ran out of memory");
  if (noGpu.test(problem)) throw new HostTrouble(`the engine cannot give a container the GPUs: ${problem}`);
  return {
    ...result("start", "the checks run in the image", false),
    reason: `they ended with status ${status || "unknown"} and no findings${problem && `: ${problem}`}`,
    ...(output.trim() ? { output: output.trim().slice(-4_000) } : {}),
  };
}

async function readReport(
  machine: Machine,
  engine: ContainerEngine,
  name: string,
  signal: AbortSignal,
): Promise<RunReport | undefined> {
  const script = readFileSync(join(repository, "lib/hosts/container.sh"), "utf8");
  const words = ["sh", "-c", script, "container.sh", engine.command, "report", name];
  const { status, stdout } = await machine.run(words, { limitMs: SHORT_MS, signal });
  const text = status === 0 ? await firstFile(stdout) : undefined;
  return text === undefined ? undefined : parseRunReport(text, "smoke test");
}

/** What `serve` printed: whether the image became healthy, and how often it had to begin anew. */
function readServed(text: string, allowed: number): CheckResult[] {
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
function reportOf(checks: CheckResult[]): RunReport {
  const startedAt = new Date().toISOString();
  const nothing = { versions: {}, gpu: null, measurements: {}, due: [CHECK] };
  return { schema: 3, verdict: judge(checks), startedAt, seconds: 0, checks, ...nothing };
}

/** The report with the host's own findings, which are due as well. */
function joined(report: RunReport, own: CheckResult[]): RunReport {
  const checks = [...report.checks, ...own];
  return {
    ...report,
    verdict: judge(checks),
    seconds: report.seconds + own.reduce((sum, { seconds }) => sum + seconds, 0),
    due: [...report.due, CHECK],
    checks,
  };
}

/** Removes what the test made. A machine that was lost is asked once more, by a new connection. */
async function clean(
  machine: Machine,
  engine: ContainerEngine,
  name: string,
  images: readonly string[],
): Promise<void> {
  const words = ["clean", name, ...images];
  try {
    await callScript(machine, engine, words, { limitMs: SHORT_MS });
  } catch {
    try {
      const again = await machine.reopen?.();
      if (!again) throw new HostTrouble("there is no way back to it");
      try {
        await callScript(again, engine, words, { limitMs: SHORT_MS });
      } finally {
        await again.close();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      note(
        `${machine.name}: containers named ${name} may be left (${reason}); the next test there removes them`,
      );
    }
  }
}
