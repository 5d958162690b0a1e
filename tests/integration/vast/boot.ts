/** How an instance starts, in each of the platform's ways, what brings a service back, and how all of it ends. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { doors, type Instance, serviceNames } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";
import { accepts } from "../support/vast/raw.ts";
import { waitFor } from "../support/wait-for.ts";

/** Where each service listens, the port that its users see where the door is in front of it. */
const ports = { caddy: 1111, sshd: 22, tunnel_manager: 11112, ...doors } as const;
/** Seconds in which everything is up, a service is back, and everything has ended. */
const limits = { up: 60, back: 30, end: 10 };

export function bootTests(proof: () => Proof, skip: string | false): void {
  test(`all services are up within ${limits.up} s, under the seed's names`, { skip }, async (context) => {
    const { seconds } = await proof().shared();
    context.diagnostic(`after ${seconds.toFixed(1)} s`);
    assert.ok(seconds <= limits.up);
  });

  for (const name of serviceNames) {
    test(`${name} comes back when it is killed`, { skip }, async () => {
      const { instance } = await proof().shared();
      await comesBack(instance, name);
    });
  }

  test("SIGTERM ends everything", { skip }, async (context) => {
    const instance = await proof().start();
    await instance.up(serviceNames, limits.up);
    const started = performance.now();
    await proof().engine.docker("kill", "--signal", "TERM", instance.name);
    const { stdout } = await proof().engine.docker("wait", instance.name);
    const seconds = (performance.now() - started) / 1000;
    context.diagnostic(`after ${seconds.toFixed(1)} s with exit status ${stdout}`);
    assert.ok(seconds < limits.end, `${seconds} s`);
    assert.ok(["0", "143"].includes(stdout.trim()), stdout);
    // Not one of them was left to the kernel, which kills what PID 1 leaves behind.
    const log = await instance.log();
    for (const name of serviceNames) assert.match(log, new RegExp(`stopped: ${name} `), log.slice(-4_000));
  });

  test("a boot script that fails is told, and ends nothing", { skip }, async () => {
    const script = join(proof().folder, "40-broken.sh");
    writeFileSync(script, "echo this script fails >&2\nset -e\nfalse\nexit 3\n");
    chmodSync(script, 0o755);
    const instance = await proof().start({
      flags: ["--volume", `${script}:/etc/vast_boot.d/40-broken.sh:ro`],
    });
    await instance.up(serviceNames, limits.up);
    const told = JSON.parse(await instance.run("cat", "/run/strata/boot.json"));
    assert.equal(told.failed.length, 1, JSON.stringify(told));
    assert.match(told.failed[0].script, /40-broken\.sh$/);
    assert.match(await instance.log(), /40-broken\.sh/);
    await instance.remove();
  });
}

/** Kills a service's process as the kernel does when memory is short, and holds that another one does its work. */
async function comesBack(instance: Instance, name: (typeof serviceNames)[number]): Promise<void> {
  await waitFor(`${name} listens`, () => answers(instance, name));
  const before = (await instance.services())[name]?.pid;
  assert.ok(before);
  await instance.run("kill", "-9", String(before));
  await waitFor(`another ${name} is RUNNING`, async () => {
    const { state, pid } = (await instance.services())[name] ?? {};
    return state === "RUNNING" && pid !== undefined && pid !== before;
  });
  await waitFor(`${name} answers again`, () => answers(instance, name));
}

/** Whether the service itself is there, asked where it listens. */
async function answers(instance: Instance, name: keyof typeof ports): Promise<boolean> {
  if (name === "caddy" || name === "sshd") return accepts(instance.address, ports[name]);
  const inner = name === "tunnel_manager" ? ports[name] : ports[name] + 10_000;
  const asking =
    "import sys,urllib.request as r,urllib.error as e\ntry: r.urlopen(sys.argv[1], timeout=5)\nexcept e.HTTPError: pass";
  return instance.holds("python3", "-c", asking, `http://127.0.0.1:${inner}/`);
}
