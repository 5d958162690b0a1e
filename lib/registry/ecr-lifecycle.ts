/**
 * What ECR removes by itself. Its rules, from "Automate the cleanup of images by using lifecycle policies" in the user
 * guide: an image that matches the tags of a rule cannot be expired by a rule of lower priority; several patterns in
 * one rule have to match together, so each kind of tag has its own rule; images without a tag are only touched by rules
 * that say so.
 */

/** Images that a repository holds at most (a quota of ECR): a rule that counts so many expires none. */
const NEVER = 100_000;

type TagSelection =
  | { readonly tagStatus: "tagged"; readonly tagPatternList: readonly [string] }
  | { readonly tagStatus: "untagged" };

interface Rule {
  readonly rulePriority: number;
  readonly description: string;
  readonly selection: TagSelection & {
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
 * without promotion; a stage that a stack uses, a digest that was tested, and the evidence about it have `keep-…`: the
 * first rules take them out of reach of the others.
 *
 * @param untagged whether what has no tag goes too: former caches, and what `make shell` pushed. Only where all evidence
 *   that is there has its tag already, as what is old enough goes at once.
 */
export function ecrLifecyclePolicy(days: number, untagged: boolean): LifecyclePolicy {
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
  const aged = (rulePriority: number, selection: TagSelection, description: string): Rule => ({
    rulePriority,
    description,
    selection: { ...selection, countType: "sinceImagePushed", countUnit: "days", countNumber: days },
    action: { type: "expire" },
  });
  const tagged = (pattern: string): TagSelection => ({ tagStatus: "tagged", tagPatternList: [pattern] });
  return {
    rules: [
      kept(1, "product-*", "Products stay, promoted or not"),
      kept(2, "keep-*", "Stages that a stack uses stay"),
      aged(3, tagged("stage-*"), `Other stages stay ${days} days`),
      aged(4, tagged("cache-*"), `Caches stay ${days} days`),
      ...(untagged ? [aged(5, { tagStatus: "untagged" }, `What has no tag stays ${days} days`)] : []),
    ],
  };
}
