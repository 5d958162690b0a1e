import assert from "node:assert/strict";
import { test } from "node:test";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { enforcePolicies, policyCheck } from "../../../components/enforced-policies.ts";
import { Promotion } from "../../../components/promotion.ts";
import { record } from "../../support/mocks.ts";

const trust = { keys: ["KEY"], identities: [], predicates: ["sbom" as const] };
const type = "command:local:Command";
const resource = {} as pulumi.Resource;
const look = (props: Record<string, unknown>, of = type) =>
  policyCheck({ trust })({ resource, type: of, name: "x", props, opts: {} });

test("what breaks a rule at once is refused where it is made", () => {
  assert.throws(
    () => look({ create: "node tools/steps/promotion.ts", environment: { STRATA_TAGS: pulumi.output("x") } }),
    /x: it moves tags without verifying .* \(policy unsigned-promotion\)/,
  );
});

test("resources that no rule is about are left alone", () => {
  assert.equal(look({ create: "https://me:word@example.org" }, "aws:iam/role:Role"), undefined);
});

test("what breaks none is made as it was wanted, secrets included", async () => {
  const made = (before: () => void) =>
    record(() => {
      before();
      new Promotion("starter-promotion", {
        reference: pulumi.output("registry.test/strata@sha256:1"),
        tags: ["stable"],
        evidence: "{}",
        terms: { checks: "c", maxAgeDays: 30, host: "any" },
        trust,
      });
      new command.local.Command("secret", { create: "true", environment: { KEY: pulumi.secret("word") } });
    });
  const [plain, checked] = [await made(() => {}), await made(() => enforcePolicies({ trust }))];
  assert.equal(checked.of(type).length, 2);
  assert.deepEqual(checked.registrations, plain.registrations);
});
