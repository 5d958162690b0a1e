/** The smoke test's own checks in this image, as a host runs them: they pass, and see what is broken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Proof } from "../support/vast/proof.ts";

export function smokeTests(proof: () => Proof, skip: string | false): void {
  test("the smoke test's check of an instance passes, as plain Docker starts it", { skip }, async () => {
    const { status, told } = await check(proof());
    assert.equal(status, 0, told);
    for (const step of [
      "start",
      "open",
      "ports",
      "door-8188",
      "ssh-user",
      "workflow",
      "stop",
      "nothing-left",
    ])
      assert.match(told, new RegExp(`^pass 85-instance\\.${step} `, "m"));
  });

  test("the smoke test's check sees a password of SSH, a listener too many and a service beside the door", {
    skip,
  }, async () => {
    const image = await proof().variant("careless", [
      // Before the image's own settings, so that it counts.
      "RUN echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/00-careless.conf",
      "RUN sed -i 's/--host 127.0.0.1/--host 0.0.0.0/' /opt/supervisor-scripts/tensorboard.sh",
    ]);
    const { status, told } = await check(proof(), image);
    assert.equal(status, 1, told);
    assert.match(told, /^fail 85-instance\.ports .*not declared: 16006\/tcp/m);
    assert.match(told, /^fail 85-instance\.ssh-root .*passwordauthentication yes/m);
  });
}

async function check(proof: Proof, image = proof.image): Promise<{ status: number; told: string }> {
  const smoke = ["--volume", `${proof.smoke}:/smoke:ro`, "--entrypoint", "python3"];
  const words = ["/smoke/run.py", "--user", "strata", "--checks", "85", "--out", "/tmp/evidence.json"];
  const run = ["run", "--rm", "--network", "none", "--user", "root"];
  const { exitCode, all } = await proof.engine.docker(...run, ...smoke, image, ...words);
  return { status: exitCode ?? -1, told: all };
}
