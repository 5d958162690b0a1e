/**
 * What ECR removes by itself. Its rules, from "Automate the cleanup of images by using lifecycle policies" in the user
 * guide: an image that matches the tags of a rule cannot be expired by a rule of lower priority; several patterns in
 * one rule have to match together, so each kind of tag has its own rule; images without a tag are only touched by rules
 * that say so.
 */

/** Images that a repository holds at most (a quota of ECR): a rule that counts so many expires none. */
const NEVER = 100_000;

interface Rule {
  readonly rulePriority: number;
  readonly description: string;
  readonly selection: {
    readonly tagStatus: "tagged";
    readonly tagPatternList: readonly [string];
    readonly countType: "imageCountMoreThan" | "sinceImagePushed";
    readonly countUnit?: "days";
    readonly countNumber: number;
  };
  readonly action: { readonly type: "expire" };
}

export interface LifecyclePolicy {
  readonly rules: readonly Rule[];
}

/**
 * Removes stages and caches that are older than `days`. A product has the tag `product-…` from its first push, with and
 * without promotion, and a stage that a stack uses has `keep-…`: the first rules take both out of reach of the others.
 * There is no rule for images without a tag, as evidence is such an image.
 */
export function ecrLifecyclePolicy(days: number): LifecyclePolicy {
  const kept = (rulePriority: number, pattern: string, description: string): Rule => ({
    rulePriority,
    description,
    selection: {
      tagStatus: "tagged",
      tagPatternList: [pattern],
      countType: "imageCountMoreThan",
      countNumber: NEVER,
    },
    action: { type: "expire" },
  });
  const aged = (rulePriority: number, pattern: string, description: string): Rule => ({
    rulePriority,
    description,
    selection: {
      tagStatus: "tagged",
      tagPatternList: [pattern],
      countType: "sinceImagePushed",
      countUnit: "days",
      countNumber: days,
    },
    action: { type: "expire" },
  });
  return {
    rules: [
      kept(1, "product-*", "Products stay, promoted or not"),
      kept(2, "keep-*", "Stages that a stack uses stay"),
      aged(3, "stage-*", `Other stages stay ${days} days`),
      aged(4, "cache-*", `Caches stay ${days} days`),
    ],
  };
}
