import { UserError } from "../../errors.ts";
import { hostIngress, imdsV1, unencryptedVolume } from "./host-rules.ts";
import { mutableStageTag, secretArgument, unpinnedBase, unsignedPromotion } from "./image-rules.ts";
import type { PolicyRule, PolicyTerms, WantedResource } from "./policy-rule.ts";

/** All rules: the program refuses what breaks one, and so does the policy pack in policy/. */
export const policyRules: readonly PolicyRule[] = [
  unpinnedBase,
  mutableStageTag,
  hostIngress,
  imdsV1,
  unencryptedVolume,
  secretArgument,
  unsignedPromotion,
];

/** What rules say about a resource. */
export function brokenPolicies(resource: WantedResource, terms: PolicyTerms): UserError[] {
  return policyRules.flatMap((rule) =>
    rule
      .problems(resource, terms)
      .map(
        (problem) =>
          new UserError(
            `${resource.type} ${resource.name}`,
            `${problem} (policy ${rule.name}).`,
            `${rule.description} See docs/vulnerabilities.md#policies.`,
          ),
      ),
  );
}
