/** Who can be reached: the listeners of an instance, from within and from outside, are those that it declares. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { doors } from "../support/vast/container.ts";
import { listeners } from "../support/vast/listeners.ts";
import { type Proof, recorded, recorderOf } from "../support/vast/proof.ts";
import { accepts, scan } from "../support/vast/raw.ts";
import { waitFor } from "../support/wait-for.ts";

/** Where the services listen behind the door. */
const behind = [11_111, 11_112, 16_006, 18_080, 18_188];
const declared = [22, ...Object.values(doors)];

export function exposureTests(proof: () => Proof, skip: string | false): void {
  test("the image declares its ports", { skip }, async () => {
    const { stdout } = await proof().engine.docker(
      "inspect",
      "--format",
      "{{json .Config.ExposedPorts}}",
      proof().image,
    );
    const ports = Object.keys(JSON.parse(stdout)).map((port) => Number.parseInt(port, 10));
    assert.deepEqual(ports.sort(compare), [...declared].sort(compare));
  });

  test("a scan of every port, and what the kernel tells, find the declared listeners alone", {
    skip,
  }, async () => {
    const { instance } = await proof().shared();
    const ports = [...declared, ...Object.values(recorded)].sort(compare);
    await waitFor("every service listens", async () => {
      const found = (await listeners(instance)).map(({ port }) => port);
      return behind.every((port) => found.includes(port));
    });
    assert.deepEqual(await scan(instance.address), ports);
    const told = await listeners(instance);
    const named = (isLoopback: boolean) =>
      told
        .filter((listener) => listener.isLoopback === isLoopback)
        .map(({ protocol, port }) => `${port}/${protocol}`);
    assert.deepEqual(
      named(false),
      ports.map((port) => `${port}/tcp`),
    );
    // Whoever opens a port by SSH sees these; a notebook that runs has some more.
    const inner = [...behind, ...Object.values(recorded).map((port) => recorderOf(port).port)].sort(compare);
    assert.deepEqual(
      named(true),
      inner.map((port) => `${port}/tcp`),
    );
  });

  test("what the platform does not map is not opened either", { skip }, async () => {
    const instance = await proof().start({ ports: [22, 8188] });
    await instance.up(["caddy", "sshd", "comfyui"], 60);
    await waitFor("the door", () => accepts(instance.address, 8188));
    assert.deepEqual(await scan(instance.address), [22, 8188]);
    await instance.remove();
  });
}

const compare = (a: number, b: number) => a - b;
