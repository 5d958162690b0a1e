import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { productCopies } from "../../../components/product-copy.ts";
import { inClear, record, resolved } from "../../support/mocks.ts";

const command = "command:local:Command";
const reference = "registry.test/strata@sha256:1";
const args = {
  reference,
  tags: ["latest", "ada"],
  evidence: '{"verdict":"pass"}',
  terms: { checks: "c1", maxAgeDays: 30, host: "any" as const },
  productTag: "product-starter-1",
};

async function build(
  targets: string[],
  { preview = false, evidence = pulumi.output(args.evidence), more = {} } = {},
) {
  let tags: pulumi.Output<string[]>[] = [];
  const recording = await record(
    () => {
      const registries = targets.map((target) => ({ repository: pulumi.output(target) }));
      tags = productCopies("starter", registries, { ...args, evidence, ...more }).map((copy) => copy.tags);
    },
    { preview, answers: { [command]: { stdout: "other.test/a:latest\n" } } },
  );
  return { recording, tags };
}

test("a copy is one command for each registry, which runs again for another image, place or tag", async () => {
  for (const preview of [true, false]) {
    const { recording } = await build(["ghcr.io/acme/strata"], { preview });
    assert.deepEqual(recording.registrations, [
      { type: "strata:index:ProductCopy", name: "starter-copy-1", inputs: {}, parent: undefined },
      {
        type: command,
        name: "starter-copy-1",
        parent: "starter-copy-1",
        inputs: {
          create: "node tools/steps/product-copy.ts",
          environment: {
            STRATA_REFERENCE: reference,
            STRATA_TAGS: "latest ada",
            STRATA_CHECKS: "c1",
            STRATA_MAX_AGE_DAYS: "30",
            STRATA_EVIDENCE_HOST: "any",
            STRATA_TARGET: "ghcr.io/acme/strata",
            STRATA_PRODUCT_TAG: "product-starter-1",
          },
          stdin: args.evidence,
          triggers: [reference, "ghcr.io/acme/strata", "latest ada"],
          addPreviousOutputInEnv: false,
          logging: "stderr",
        },
      },
    ]);
  }
});

test("no registry, no copy; several have names of their own, and their tags are told", async () => {
  assert.deepEqual((await build([])).recording.registrations, []);
  const { recording, tags } = await build(["a.test/x", "b.test/y"]);
  assert.deepEqual(
    recording.of(command).map(({ name }) => name),
    ["starter-copy-1", "starter-copy-2"],
  );
  assert.deepEqual(await resolved(tags[1] ?? pulumi.output([])), ["other.test/a:latest"]);
});

test("the image of models goes along: the command is told of it, and runs again for another one", async () => {
  const library = { reference: "registry.test/strata@sha256:2", tag: "product-starter-library" };
  const { recording } = await build(["ghcr.io/acme/strata"], { more: { library } });
  const { environment, triggers } = recording.only(command).inputs as {
    environment: Record<string, string>;
    triggers: string[];
  };
  assert.equal(environment.STRATA_LIBRARY, library.reference);
  assert.equal(environment.STRATA_LIBRARY_TAG, library.tag);
  assert.deepEqual(triggers, [reference, "ghcr.io/acme/strata", "latest ada", library.reference]);
});

test("a secret stays one on its way into the command", async () => {
  const { recording } = await build(["a.test/x"], { evidence: pulumi.secret("hidden") });
  assert.ok(!inClear(recording.registrations).includes("hidden"));
});
