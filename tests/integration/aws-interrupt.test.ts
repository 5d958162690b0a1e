/**
 * A test on EC2 that is ended in its middle, as a terminal, a runner and Pulumi's official command provider end it: the real step,
 * its clients of AWS, and moto. The instance goes first, within a second; nothing is left, the registry's password neither.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "../../home.ts";
import type { AwsDescription, TestDescription } from "../../lib/hosts/description.ts";
import type { AwsClients } from "../../tools/hosts/aws/clients.ts";
import { whyGone } from "../../tools/hosts/aws/instance.ts";
import { findTestResources } from "../../tools/hosts/aws/leaks.ts";
import { checksKey, passedRun } from "../support/evidence.ts";
import { type FakeRegistry, startFakeRegistry } from "../unit/oci/support/fake-registry.ts";
import { findMoto, type Moto, startMoto, useMoto } from "./support/moto.ts";
import { pushTinyImage } from "./support/tiny-image.ts";

const { folder: wheels, missing: skip = false } = await findMoto();
const folder = mkdtempSync(join(tmpdir(), "strata-aws-"));
let registry: FakeRegistry;
let moto: Moto;
let clients: AwsClients;
let host: AwsDescription;
let reference: string;

before(async () => {
  if (skip) return;
  registry = await startFakeRegistry();
  reference = await pushTinyImage(registry, "tested", { checks: passedRun });
  const auth = Buffer.from("somebody:the-password").toString("base64");
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  moto = await startMoto(wheels);
  ({ clients, host } = await useMoto(moto));
});
after(async () => {
  moto?.close();
  if (!skip) await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const order = (): TestDescription => ({
  hosts: [host],
  computeCapabilities: ["8.9"],
  minimumDriver: "580.65.06",
  budget: { dollars: 5, minutes: 45 },
});

/** Starts the step as a shell does that a command provider runs; some shells become what they run. */
function start(command: string) {
  return spawn("/bin/sh", ["-c", command], {
    cwd: repository,
    // A process group of its own, as a terminal gives it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      STRATA_HOME: join(folder, "home"),
      DOCKER_CONFIG: folder,
      STRATA_REFERENCE: reference,
      STRATA_RECIPE: "starter",
      STRATA_GENERATION: "ada",
      STRATA_CHECKS: checksKey,
      STRATA_BUILDER: "strata",
      STRATA_TEST: JSON.stringify(order()),
    },
  });
}

type Child = ReturnType<typeof start>;

const count = (name: string) => moto.asked.filter((each) => each.name === name).length;

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    assert.ok(tries < 600, `${what}: ${moto.asked.map(({ name }) => name).join(" ")}`);
    await sleep(100);
  }
}

/** Whether what reads the step's output, as a command provider does, sees its end. */
const silent = (child: Child) => Promise.all([once(child.stdout, "close"), once(child.stderr, "close")]);

const step = "node tools/steps/smoke-test.ts";
const stays = `${step}; exit $?`;
const toGroup = (signal: NodeJS.Signals) => (child: Child) => process.kill(-(child.pid ?? 0), signal);
const toShell = (child: Child) => child.kill("SIGKILL");

for (const [title, command, end] of [
  ["SIGINT, as a terminal sends it", stays, toGroup("SIGINT")],
  ["SIGTERM, as a cancelled job gets it", stays, toGroup("SIGTERM")],
  ["SIGKILL to the shell, as exec.CommandContext of Pulumi's official command provider does", stays, toShell],
  ["the same where the shell has become the step", `exec ${step}`, toShell],
] as const) {
  test(title, { skip }, async (t) => {
    moto.asked.length = 0;
    moto.begin();
    const child = start(command);
    child.stdout.resume();
    child.stderr.resume();
    const ended = silent(child);
    // The image is being pulled with the login: commands 1 and 2 ask whether the instance is ready.
    await until("a test that pulls", () => count("SendCommand") > 2);
    assert.equal(count("PutParameter"), 1);
    const [running] = await findTestResources(clients, new Date());
    assert.equal(running?.kind, "instance");
    const already = moto.asked.length;
    const at = Date.now();
    end(child);
    await until("the end of the instance", () => count("TerminateInstances") > 0);
    // A question that was on its way when the signal came changes nothing.
    const after = moto.asked.slice(already).filter(({ name }) => !/^(Get|Describe)/.test(name));
    const [first] = after;
    assert.equal(first?.name, "TerminateInstances", after.map(({ name }) => name).join(" "));
    const took = (first?.at ?? 0) - at;
    t.diagnostic(`TerminateInstances ${took} ms after the signal`);
    assert.ok(took < 1000, `${took} ms`);
    await until("nothing is left", async () => (await findTestResources(clients, new Date())).length === 0);
    assert.match((await whyGone(running?.id ?? "", clients)) ?? "", /^is (terminated|shutting-down)/);
    await ended;
  });
}
