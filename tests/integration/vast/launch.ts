/** The platform's own start in place of the image's entrypoint, a reboot, and the end of what is a child there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/vast/browser.ts";
import { doors, type Instance, type LaunchMode, serviceNames } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";
import { accepts, scan } from "../support/vast/raw.ts";
import { waitFor } from "../support/wait-for.ts";
import { onlyByKey } from "./ssh.ts";

export function launchTests(proof: () => Proof, skip: string | false): void {
  for (const mode of ["ssh", "jupyter"] as const) {
    test(`mode ${mode}: the platform's start, and a reboot`, { skip }, () => platformStart(proof(), mode));
  }
}

/** PID 1 and sshd are the platform's, in mode jupyter a Jupyter too, and ours has to leave them their ports. */
async function platformStart(proof: Proof, mode: Exclude<LaunchMode, "args">): Promise<void> {
  const { jupyter, ...others } = doors;
  const open = [...Object.values(others), ...(mode === "jupyter" ? [jupyter] : [])];
  const environment = { JUPYTER_TOKEN: "the-platforms-own", JUPYTER_DIR: "/" };
  const instance = await proof.start({ mode, environment, ports: [22, ...open] });
  const platforms = ["jupyter", "sshd"];
  const names = serviceNames.filter((name) => !platforms.includes(name));
  for (const boot of ["first", "second"]) {
    await instance.up(names, 60);
    await waitFor(`${boot} boot: ours leave the platform's alone`, async () => {
      const services = await instance.services();
      return platforms.every((name) => services[name]?.state === "EXITED");
    });
    assert.doesNotMatch(await instance.log(), /launch: /);
    if (mode === "jupyter") await isPlatformsJupyter(instance);
    await waitFor("the door", () => accepts(instance.address, doors.comfyui));
    assert.equal((await ask(`http://${instance.address}:${doors.comfyui}/`)).status, 401, boot);
    assert.deepEqual(
      await scan(instance.address),
      [22, ...open].sort((a, b) => a - b),
      boot,
    );
    for (const user of ["root", "user"]) await onlyByKey(proof, instance, user);
    if (boot === "first") await instance.reboot();
  }
  await endsAsChild(instance);
  await instance.remove();
}

/** It answers at 8080 to its own token, and nobody stands before it. */
async function isPlatformsJupyter(instance: Instance): Promise<void> {
  const url = `https://${instance.address}:${doors.jupyter}/api/kernels`;
  const headers = { authorization: "token the-platforms-own" };
  const status = (with_: Record<string, string>) =>
    ask(url, { headers: with_ }).then(
      (answer) => answer.status,
      () => undefined,
    );
  await waitFor("the platform's Jupyter", async () => (await status(headers)) === 200);
  assert.equal(await status({}), 403);
}

/** SIGTERM to the boot, whose parent lives on: everything that it started has to end with it. */
async function endsAsChild(instance: Instance): Promise<void> {
  const pids = Object.values(await instance.services()).flatMap(({ pid }) => (pid ? [pid] : []));
  assert.ok(pids.length >= 4);
  await instance.run("pkill", "-TERM", "-f", "strata/instance boot");
  const isThere = pids.map((pid) => `[ -d /proc/${pid} ]`).join(" || ");
  await waitFor("everything ends", async () => !(await instance.holds("sh", "-c", isThere)), 10);
}
