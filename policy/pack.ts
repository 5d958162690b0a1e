/**
 * The rules of lib/policy as a pack for Pulumi's own policies: `pulumi up --policy-pack policy`. The program holds them by itself;
 * a pack holds them against whoever changes the program. docs/vulnerabilities.md has what it needs.
 */
import { existsSync, readFileSync } from "node:fs";
import { PolicyPack, type ReportViolation, type ResourceValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { trustSetting } from "../lib/attestation/trust-setting.ts";
import type { PolicyRule } from "../lib/policy/policy-rule.ts";
import { policyRules } from "../lib/policy/policy-rules.ts";

/** What the stack's configuration says has to be signed; the engine hands it on. */
const setting = new pulumi.Config("strata").getObject("trust");
const trust = setting === undefined ? undefined : trustSetting.parse(setting);

/** Paths are the program's, and a pack runs beside it. */
const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

new PolicyPack("strata", {
  policies: policyRules.map(({ name, description, problems }: PolicyRule) => ({
    name,
    description,
    enforcementLevel: "mandatory" as const,
    validateResource: (
      { type, name: resource, props }: ResourceValidationArgs,
      report: ReportViolation,
    ): void => {
      for (const problem of problems({ type, name: resource, props }, { trust, read })) report(`${problem}.`);
    },
  })),
});
