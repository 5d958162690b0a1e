import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { throwAll } from "../errors.ts";
import type { PolicyTerms } from "../lib/policy/policy-rule.ts";
import { brokenPolicies } from "../lib/policy/policy-rules.ts";

/** Types that a rule is about; all else is none of its business. */
const ruled = /^(?:docker-build:|command:local:|aws:(?:ec2|ebs|vpc)\/)/;

/**
 * Refuses resources that break a rule of lib/policy, whoever makes them in this program. What is known at once is refused
 * at once, in previews too; what an update gets to know is refused before the resource is made.
 */
export function enforcePolicies(terms: Pick<PolicyTerms, "trust">): void {
  pulumi.runtime.registerStackTransformation(policyCheck(terms));
}

/** How each resource is looked at before it is registered. */
export function policyCheck({ trust }: Pick<PolicyTerms, "trust">): pulumi.ResourceTransformation {
  const terms = { trust, read: readText };
  return ({ type, name, props, opts }) => {
    if (!ruled.test(type)) return undefined;
    refuse(type, name, known(props), terms);
    // A preview does not know what is yet to be built; where it does, this tells of it as well.
    const checked = pulumi.unsecret(pulumi.output(props)).apply((resolved): pulumi.Resource[] => {
      refuse(type, name, resolved, terms);
      return [];
    });
    if (pulumi.runtime.isDryRun()) return undefined;
    return { props, opts: pulumi.mergeOptions(opts, { dependsOn: checked }) };
  };
}

function refuse(type: string, name: string, props: object, terms: PolicyTerms): void {
  throwAll("policies", brokenPolicies({ type, name, props: props as Record<string, unknown> }, terms));
}

/** Without what is still to come. */
function known(value: unknown): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      pulumi.Output.isInstance(inner) || inner instanceof Promise ? undefined : inner,
    ),
  );
}

/** A file below the working directory: build contexts are written there before anything is built. */
function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
