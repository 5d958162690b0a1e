import type { EngineAnswer, PlannedStack } from "./preview-schema.ts";
import { listed } from "./words.ts";

/** Names that are told of each kind. */
const SHOWN = 6;

/**
 * Where Pulumi's engine sees something else than the plan: an image that is sent again although nothing in it changes
 * (another registry, builder or way to export), or a change that the engine does not see, which would be a bug.
 */
export function disagreements(
  { platform, stages }: Pick<PlannedStack, "platform" | "stages">,
  { images }: EngineAnswer,
): string[] {
  const { recipe } = platform;
  const built = stages
    .filter(({ verdict }) => verdict === "create" || verdict === "rebuild")
    .map(({ name }) => (name === recipe ? name : `${recipe}-${name}`));
  const seen = images.filter(({ op }) => !/delete|discard|remove/.test(op)).map(({ name }) => name);
  const more = seen.filter((name) => !built.includes(name));
  const missed = built.filter((name) => !seen.includes(name));
  return [
    ...(more.length > 0
      ? [`Pulumi also updates images in which nothing changes: ${listed(more, SHOWN)}.`]
      : []),
    ...(missed.length > 0
      ? [`Pulumi would not build ${listed(missed, SHOWN)}, although the inputs changed: this is a bug.`]
      : []),
  ];
}
