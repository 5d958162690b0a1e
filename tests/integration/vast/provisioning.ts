/** A user's own script: once for an instance, whatever comes of it is told, and the services do not wait for it. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { lazily } from "../../support/lazily.ts";
import { type Instance, serviceNames } from "../support/vast/container.ts";
import type { Proof } from "../support/vast/proof.ts";

interface State {
  readonly state: string;
  readonly script: string;
  readonly started: string;
  readonly ended: string | null;
  readonly detail: string;
}

const scripts: Readonly<Record<string, string>> = {
  "/success.sh": 'echo "as $(id -un) in $(command -v python)"\necho once >>/root/provisioned\n',
  "/failure.sh": "echo about to fail\nexit 3\n",
  "/hanging.sh": "echo waiting\nsleep 1000 &\nwait\n",
};
/** Words that belong into no log: an address may carry a secret. */
const QUERY = "?key=secret-of-the-address";

export function provisioningTests(proof: () => Proof, skip: string | false): void {
  let server: Server | undefined;
  let asked: string[] = [];
  const base = lazily(async () => {
    server = createServer((request, response) => {
      const path = request.url?.split("?")[0] ?? "";
      asked.push(path);
      // A host that takes the connection and says nothing.
      if (path === "/silent.sh") return;
      const script = scripts[path];
      response.writeHead(script ? 200 : 404).end(script ?? "<html>not found</html>");
    });
    // The engine's own bridge: containers alone reach it.
    const host = await proof().gateway();
    await new Promise<void>((resolve) => server?.listen(0, host, resolve));
    return `http://${host}:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server?.close();
    server?.closeAllConnections();
  });

  const start = async (path: string, more: Record<string, string> = {}) => {
    asked = [];
    return proof().start({ environment: { PROVISIONING_SCRIPT: `${await base()}${path}${QUERY}`, ...more } });
  };

  test("provisioning: a script runs once, also after a reboot, and its log is there", { skip }, async () => {
    const instance = await start("/success.sh");
    const first = await ended(instance);
    assert.equal(first.state, "complete", JSON.stringify(first));
    assert.equal(first.script, `${await base()}/success.sh`);
    assert.ok(await instance.holds("test", "-e", "/.provisioning_complete"));
    assert.match(await instance.run("cat", "/var/log/portal/provisioning.log"), /^as root in \S+/m);
    await instance.up(serviceNames, 60);
    await instance.reboot();
    await instance.up(serviceNames, 60);
    assert.equal((await state(instance))?.state, "complete");
    assert.equal(await instance.run("cat", "/root/provisioned"), "once");
    assert.deepEqual(asked, ["/success.sh"]);
    await hidesQuery(instance);
    await instance.remove();
  });

  test("provisioning: one that fails is told with its status, and all services run", { skip }, async () => {
    const instance = await start("/failure.sh");
    const told = await ended(instance);
    assert.equal(told.state, "failed");
    assert.match(told.detail, /\b3\b/);
    assert.ok(await instance.holds("test", "-e", "/.provisioning_failed"));
    assert.ok(!(await instance.holds("test", "-e", "/.provisioning_complete")));
    await instance.up(serviceNames, 60);
    await hidesQuery(instance);
    await instance.remove();
  });

  test("provisioning: one that hangs keeps no service from running, and is ended with what it started", {
    skip,
  }, async () => {
    const instance = await start("/hanging.sh", { PROVISIONING_TIMEOUT: "15" });
    await instance.up(serviceNames, 60);
    assert.equal((await ended(instance)).state, "timed-out");
    assert.ok(!(await instance.holds("pgrep", "-f", "sleep 1000")));
    await instance.remove();
  });

  // Side by side, as all they do is wait.
  test("provisioning: what cannot be had, is silent, or is a page, is told, and all services run", {
    skip,
  }, async () => {
    const addresses = [
      "https://nobody.invalid/a.sh",
      `${await base()}/silent.sh`,
      `${await base()}/missing.sh`,
    ];
    await Promise.all(
      addresses.map(async (address) => {
        const environment = { PROVISIONING_SCRIPT: address, PROVISIONING_TIMEOUT: "20" };
        const instance = await proof().start({ environment });
        await instance.up(serviceNames, 90);
        const told = await ended(instance);
        assert.ok(["failed", "timed-out"].includes(told.state), `${address}: ${JSON.stringify(told)}`);
        assert.ok(told.detail.length > 10, told.detail);
        await instance.remove();
      }),
    );
  });
}

async function state(instance: Instance): Promise<State | undefined> {
  if (!(await instance.holds("test", "-e", "/run/strata/provisioning.json"))) return undefined;
  return JSON.parse(await instance.run("cat", "/run/strata/provisioning.json"));
}

async function ended(instance: Instance, seconds = 90): Promise<State> {
  for (let tries = 0; ; tries++) {
    const told = await state(instance);
    if (told && !["none", "running"].includes(told.state)) {
      assert.ok(told.ended && told.ended >= told.started, JSON.stringify(told));
      return told;
    }
    assert.ok(tries < seconds * 2, `${JSON.stringify(told)}\n${await instance.log()}`);
    await sleep(500);
  }
}

async function hidesQuery(instance: Instance): Promise<void> {
  const texts = [
    await instance.log(),
    await instance.run("sh", "-c", "cat /var/log/portal/* /run/strata/*.json"),
  ];
  for (const text of texts) assert.ok(!text.includes("secret-of-the-address"));
}
