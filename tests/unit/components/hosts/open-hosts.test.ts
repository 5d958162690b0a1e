import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { openHosts } from "../../../../components/hosts/open-hosts.ts";
import { parseConfig } from "../../../../config.ts";
import { parseTest, testLimits } from "../../../../lib/hosts/description.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0lHs4ZBFv8y0dKJ9yy3pNmDmCkN5R2RzQ3mR6fA8ay";

const config = (host: unknown, generation = "ada") =>
  parseConfig({ "strata:generation": generation, "strata:host": JSON.stringify(host) });

const product = { sizeBudget: "3.3 GB" };

test("what the program is told can be read by it, for every kind, and holds no key", async () => {
  const chosen = config([
    { kind: "docker" },
    { kind: "docker", engine: "podman", gpu: false, keepImage: false },
    { kind: "ssh", address: "gpu.test", hostKey, privateKey: "the key", sudo: true, dollarsPerHour: 0.5 },
  ]);
  const hosts = await openHosts("host", chosen, product);
  const description = { ...testLimits(chosen), hosts: hosts.map((host) => host.description) };
  assert.deepEqual(parseTest(JSON.stringify(description)), {
    computeCapabilities: ["8.9"],
    minimumDriver: "580.65.06",
    budget: { dollars: 5, minutes: 45 },
    hosts: [
      { kind: "docker", engine: "docker", gpu: true, keepImage: true },
      { kind: "docker", engine: "podman", gpu: false, keepImage: false },
      {
        kind: "ssh",
        address: "gpu.test",
        port: 22,
        user: "root",
        hostKey,
        engine: "docker",
        sudo: true,
        gpu: true,
        keepImage: false,
        dollarsPerHour: 0.5,
      },
    ],
  });
  assert.ok(!JSON.stringify(description).includes("the key"));
});

test("a private key is a secret from here on", async () => {
  const chosen = config({ kind: "ssh", address: "gpu.test", hostKey, privateKey: "the key" });
  const [host] = await openHosts("host", chosen, product);
  assert.equal(await pulumi.isSecret(pulumi.output(host?.privateKey)), true);
});

test("an image without GPU code asks no host for a GPU", async () => {
  const [host] = await openHosts("host", config({ kind: "docker" }, "cpu"), product);
  assert.deepEqual(host?.description, { kind: "docker", engine: "docker", gpu: false, keepImage: true });
});
