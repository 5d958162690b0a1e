/** Who can be reached: the listeners of an instance, from within and from outside, are those that it declares. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceNames } from "../support/vast/container.ts";
import { listeners } from "../support/vast/listeners.ts";
import { doors, type Proof, recorded } from "../support/vast/proof.ts";
import { scan } from "../support/vast/raw.ts";

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
    assert.deepEqual(await scan(instance.address), ports);
    const open = (await listeners(instance)).filter(({ isLoopback }) => !isLoopback);
    assert.deepEqual(
      open.map(({ protocol, port }) => `${port}/${protocol}`),
      ports.map((port) => `${port}/tcp`),
    );
  });

  test("what the platform does not map is not opened either", { skip }, async () => {
    const environment = { VAST_TCP_PORT_22: "40022", VAST_TCP_PORT_8188: "48188" };
    const instance = await proof().start({ environment });
    await instance.up(serviceNames, 60);
    assert.deepEqual(await scan(instance.address), [22, 8188]);
    await instance.remove();
  });
}

const compare = (a: number, b: number) => a - b;
