import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { SmokeTest, type SmokeTestArgs } from "../../../components/smoke-test.ts";
import type { HostDescription } from "../../../lib/hosts/description.ts";
import { inClear, record, resolved } from "../../support/mocks.ts";

const command = "command:local:Command";
const args: SmokeTestArgs = {
  reference: "registry.test/strata@sha256:1",
  recipe: "starter",
  generation: "ada",
  checks: "checks-1",
  hosts: [{ description: { kind: "builder" } }],
  limits: {
    computeCapabilities: ["8.9"],
    minimumDriver: "580.65.06",
    budget: { dollars: 5, minutes: 45 },
  },
  builder: "strata",
};
const ssh: HostDescription = {
  kind: "ssh",
  address: "gpu.test",
  port: 22,
  user: "root",
  hostKey: "ssh-ed25519 AAAA",
  engine: "docker",
  sudo: false,
  gpu: true,
  keepImage: false,
};

async function build(changed: Partial<SmokeTestArgs> = {}, stdout = "{}", preview = false) {
  let built: SmokeTest | undefined;
  const recording = await record(
    () => {
      built = new SmokeTest("starter-smoke", { ...args, ...changed });
    },
    { preview, answers: { [command]: { stdout } } },
  );
  assert.ok(built);
  return { built, recording };
}

const triggersOf = async (changed: Partial<SmokeTestArgs>) =>
  (await build(changed)).recording.only(command).inputs.triggers;

test("a smoke test is one command: what it runs, what it is told, and no stdin", async () => {
  const { recording } = await build();
  assert.deepEqual(recording.registrations, [
    { type: "strata:index:SmokeTest", name: "starter-smoke", inputs: {}, parent: undefined },
    {
      type: command,
      name: "starter-smoke",
      parent: "starter-smoke",
      inputs: {
        create: "node tools/steps/smoke-test.ts",
        environment: {
          STRATA_REFERENCE: args.reference,
          STRATA_RECIPE: "starter",
          STRATA_GENERATION: "ada",
          STRATA_CHECKS: "checks-1",
          STRATA_BUILDER: "strata",
          STRATA_TEST: JSON.stringify({ ...args.limits, hosts: [{ kind: "builder" }] }),
        },
        triggers: [args.reference, "checks-1"],
        addPreviousOutputInEnv: false,
        logging: "stderr",
      },
    },
  ]);
});

test("another digest or other checks test again; another builder alone does not", async () => {
  assert.deepEqual(await triggersOf({ reference: "registry.test/strata@sha256:2" }), [
    "registry.test/strata@sha256:2",
    "checks-1",
  ]);
  assert.deepEqual(await triggersOf({ checks: "checks-2" }), [args.reference, "checks-2"]);
  assert.deepEqual(await triggersOf({ builder: "other" }), [args.reference, "checks-1"]);
});

test("hosts are told in their order; what opens one is a secret, and the evidence is none all the same", async () => {
  const hosts = [
    { description: ssh, privateKey: pulumi.secret("the key") },
    { description: { ...ssh, port: 23 } },
  ];
  const { built, recording } = await build({ hosts }, '{"verdict":"pass"}');
  const { inputs } = recording.only(command);
  const { secret: environment } = inputs.environment as { secret: Record<string, string> };
  assert.deepEqual(JSON.parse(environment.STRATA_TEST ?? "").hosts, [ssh, { ...ssh, port: 23 }]);
  assert.equal(environment.STRATA_KEYS, '["the key",null]');
  assert.ok(!inClear(inputs).includes("the key"));
  assert.equal(await pulumi.isSecret(built.evidence), false);
});

test("the evidence is what the command printed, as it was", async () => {
  const { built } = await build({}, '{"verdict":"pass"}');
  assert.equal(await resolved(built.evidence), '{"verdict":"pass"}');
});

test("preview and update register the same", async () => {
  const [preview, update] = [await build({}, "", true), await build()];
  assert.deepEqual(preview.recording.registrations, update.recording.registrations);
});

test("a secret stays one on its way into the command", async () => {
  for (const key of ["reference", "recipe", "generation", "checks", "builder"] as const) {
    const { recording } = await build({ [key]: pulumi.secret("hidden") });
    const { inputs } = recording.only(command);
    assert.ok(JSON.stringify(inputs).includes("hidden"), key);
    assert.ok(!inClear(inputs).includes("hidden"), key);
  }
});
