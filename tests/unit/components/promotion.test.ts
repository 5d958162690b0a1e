import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { Promotion, type PromotionArgs } from "../../../components/promotion.ts";
import { inClear, record, resolved } from "../../support/mocks.ts";

const command = "command:local:Command";
const args: PromotionArgs = {
  reference: "registry.test/strata@sha256:1",
  tags: ["starter-ada", "stable"],
  evidence: '{"verdict":"pass"}',
  terms: { checks: "c1", maxAgeDays: 30, host: "gpu" },
};

const terms = { STRATA_CHECKS: "c1", STRATA_MAX_AGE_DAYS: "30", STRATA_EVIDENCE_HOST: "gpu" };

async function build(changed: Partial<PromotionArgs> = {}, stdout = "", preview = false) {
  let built: Promotion | undefined;
  const recording = await record(
    () => {
      built = new Promotion("starter-promotion", { ...args, ...changed });
    },
    { preview, answers: { [command]: { stdout } } },
  );
  assert.ok(built);
  return { built, recording };
}

const triggersOf = async (changed: Partial<PromotionArgs>) =>
  (await build(changed)).recording.only(command).inputs.triggers;

test("a promotion is one command that reads the evidence from stdin", async () => {
  const { recording } = await build();
  assert.deepEqual(recording.registrations, [
    { type: "strata:index:Promotion", name: "starter-promotion", inputs: {}, parent: undefined },
    {
      type: command,
      name: "starter-promotion",
      parent: "starter-promotion",
      inputs: {
        create: "node tools/steps/promotion.ts",
        environment: { STRATA_REFERENCE: args.reference, STRATA_TAGS: "starter-ada stable", ...terms },
        stdin: args.evidence,
        triggers: [args.reference, "starter-ada stable"],
        addPreviousOutputInEnv: false,
        logging: "stderr",
      },
    },
  ]);
});

test("another digest and other tags promote again, each on its own", async () => {
  assert.deepEqual(await triggersOf({ reference: "registry.test/strata@sha256:2" }), [
    "registry.test/strata@sha256:2",
    "starter-ada stable",
  ]);
  assert.deepEqual(await triggersOf({ tags: ["starter-ada"] }), [args.reference, "starter-ada"]);
  assert.deepEqual(await triggersOf({ tags: ["stable", "starter-ada"] }), [
    args.reference,
    "stable starter-ada",
  ]);
});

test("new evidence about a known digest reaches the command", async () => {
  const { recording } = await build({ evidence: '{"verdict":"fail"}' });
  assert.equal(recording.only(command).inputs.stdin, '{"verdict":"fail"}');
});

test("the moved tags are the lines that the command printed", async () => {
  const { built } = await build({}, "registry.test/strata:starter-ada\nregistry.test/strata:stable\n");
  assert.deepEqual(await resolved(built.tags), [
    "registry.test/strata:starter-ada",
    "registry.test/strata:stable",
  ]);
  assert.deepEqual(await resolved((await build({}, "")).built.tags), []);
});

test("preview and update register the same", async () => {
  const [preview, update] = [await build({}, "", true), await build()];
  assert.deepEqual(preview.recording.registrations, update.recording.registrations);
});

test("a secret stays one on its way into the command", async () => {
  const secrets: Partial<PromotionArgs>[] = [
    { reference: pulumi.secret("hidden") },
    { tags: pulumi.secret(["hidden"]) },
    { evidence: pulumi.secret("hidden") },
  ];
  for (const changed of secrets) {
    const { recording } = await build(changed);
    const { inputs } = recording.only(command);
    assert.ok(JSON.stringify(inputs).includes("hidden"), Object.keys(changed)[0]);
    assert.ok(!inClear(inputs).includes("hidden"), Object.keys(changed)[0]);
  }
});
