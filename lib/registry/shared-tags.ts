import { UserError } from "../../errors.ts";

/** A stack, and every `repository:tag` that it moves; a tag may hold `{commit}`, which is the same for all. */
export interface StackTags {
  readonly stack: string;
  readonly places: readonly string[];
}

/**
 * Errors for tags of a stack that another stack moves too: whoever is updated last would have them, and each would take
 * the other's promotion for one of its own.
 */
export function sharedTags(own: StackTags, others: readonly StackTags[]): UserError[] {
  return own.places.flatMap((place) => {
    const owners = others.filter(({ stack, places }) => stack !== own.stack && places.includes(place));
    if (owners.length === 0) return [];
    const names = owners.map(({ stack }) => `Pulumi.${stack}.yaml`).join(", ");
    return [
      new UserError(
        "strata:tags",
        `${place} is a tag of Pulumi.${own.stack}.yaml and of ${names}.`,
        "Set strata:tags in one of them, with {generation} for instance, or another strata:registry.repository.",
      ),
    ];
  });
}
