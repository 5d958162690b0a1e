import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { repository } from "../../home.ts";
import type { Evidence, RunReport } from "../../lib/evidence/evidence.ts";
import { zstdEngines } from "../../lib/registry/compression.ts";
import { note } from "../program/progress.ts";
import { packChecks } from "./checks.ts";
import {
  checkCards,
  checkMemory,
  HEALTHY_SECONDS,
  joined,
  readRun,
  readServed,
  reportOf,
  STATUS_LINE,
  withoutReport,
} from "./container-findings.ts";
import {
  type Call,
  type ContainerEngine,
  callScript,
  clean,
  pull,
  readReport,
  SHORT_MS,
} from "./container-script.ts";
import type { Machine, RunOptions } from "./machine.ts";
import type { TestRequest } from "./test-host.ts";

/** Where an image of strata answers whether it is healthy: recipes name it as their health check. */
export const HEALTHCHECK = "/opt/strata/runtime/healthcheck";
/** Seconds that starting and stopping an image take beside its getting healthy. */
const SERVE_SPARE_SECONDS = 30;
/** Seconds after the deadline in which nobody removes a container that seems to be left behind. */
const SPARE_SECONDS = 600;

/** What containers on a machine say about an image. */
export interface ContainerTest {
  readonly report: RunReport;
  readonly preparation: Evidence["preparation"];
}

/**
 * Tests an image in containers on `machine`, and leaves nothing behind there, unless it goes away itself.
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
    await call(order.hasZstd ? ["ready", zstdEngines.docker] : ["ready"]);
    if (engine.gpu) await checkMachine(call, order);
    const pulled = await pull(call, engine.login, reference, left());
    keepsImage = engine.keepImage || pulled.wasThere;
    const preparation = { pullSeconds: pulled.seconds };
    await engine.onPulled?.();

    await call(["create", name, until, reference, gpu], {
      stdin: await packChecks(join(repository, "smoke")),
    });
    const run = readRun(
      await call(["start", name], {
        limitMs: left(),
        onLine: (line) => {
          if (!line.startsWith(STATUS_LINE)) note(line);
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
    if (!engine.goesAway) await clean(machine, engine, name, keepsImage ? [] : [reference]);
  }
}

/** Throws HostTrouble unless the machine's cards, driver and memory are what the image is for. */
async function checkMachine(call: Call, order: TestRequest): Promise<void> {
  const listed = (await call(["driver"])).stdout.toString();
  checkCards(listed, order);
  if (order.memory) checkMemory(listed, (await call(["memory"])).stdout.toString(), order.memory);
}
