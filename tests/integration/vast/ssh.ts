/** Who gets in by SSH, in each of the platform's ways to start, and what waits for them there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Instance, serviceNames } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";
import { enter } from "../support/vast/ssh.ts";

export function sshTests(proof: () => Proof, skip: string | false): void {
  for (const user of ["root", "user"]) {
    test(`ssh: ${user} gets in with the key that was injected, and with nothing else`, { skip }, async () => {
      const { instance } = await proof().shared();
      await onlyByKey(proof(), instance, user);
    });
  }

  test("ssh: a session has the platform's environment, and no secret of the web's login", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const { key, token, password } = proof();
    for (const user of ["root", "user"]) {
      const told = await enter(instance.address, user, key, "env; cat /etc/environment");
      assert.ok("output" in told);
      assert.match(told.output, /^VAST_CONTAINERLABEL="?C\.4711"?$/m, user);
      assert.match(told.output, /^WORKSPACE="?\/workspace"?$/m, user);
      for (const secret of [token, password]) assert.ok(!told.output.includes(secret), user);
    }
  });

  test("ssh: user is 1001 in root's group, and becomes root", { skip }, async () => {
    const { instance } = await proof().shared();
    const told = await enter(instance.address, "user", proof().key, "id -u; id -g; umask; sudo -n id -u");
    assert.deepEqual(told, { output: "1001\n0\n0002\n0" });
  });

  test("ssh: each instance has host keys of its own, and keeps them over a reboot", { skip }, async () => {
    const { instance } = await proof().shared();
    const other = await proof().start();
    await other.up(["sshd"], 60);
    const keys = (of: Instance) => of.run("sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub");
    const first = await keys(other);
    assert.notEqual(first, await keys(instance));
    await other.reboot();
    await other.up(serviceNames, 60);
    assert.equal(await keys(other), first);
    await other.remove();
  });
}

/** The key that was injected opens, and nothing else does. */
export async function onlyByKey(proof: Proof, instance: Instance, user: string): Promise<void> {
  const { key, stranger, password, token } = proof;
  assert.deepEqual(await enter(instance.address, user, key), { output: user });
  const byKey = { refused: ["publickey"] };
  assert.deepEqual(await enter(instance.address, user, stranger), byKey);
  for (const guess of [password, token, "", user, "vastai"]) {
    assert.deepEqual(await enter(instance.address, user, { password: guess }), byKey, guess);
  }
}
