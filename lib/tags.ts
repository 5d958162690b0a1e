import { UserError } from "../errors.ts";

/** What a tag template may name. */
export interface TagValues {
  readonly recipe: string;
  readonly generation: string;
  /** Full commit, with `-dirty` when there are changes since; null outside git. */
  readonly commit: string | null;
}

/** `{recipe}-{generation}` becomes `starter-ada`; `{commit}` is shortened to twelve digits, as registries show it. */
export function expandTags(templates: readonly string[], values: TagValues): string[] {
  const words: Record<string, string | null> = {
    recipe: values.recipe,
    generation: values.generation,
    commit: values.commit?.replace(/^([0-9a-f]{12})[0-9a-f]*/, "$1") ?? null,
  };
  return templates.map((template) =>
    template.replace(/\{(\w*)\}/g, (_, name: string) => {
      const value = words[name];
      if (value === undefined) {
        throw new UserError(
          "strata:tags",
          `"${template}" names {${name}}.`,
          `Use ${Object.keys(words)
            .map((word) => `{${word}}`)
            .join(", ")}.`,
        );
      }
      if (value === null) {
        throw new UserError(
          "strata:tags",
          `"${template}" needs a commit, and this is no git repository.`,
          "Set strata:tags to tags without {commit}.",
        );
      }
      return value;
    }),
  );
}

/** The working tag of a stage's image: a plan knows it before anything is built. */
export function stageTag({ name, key }: { readonly name: string; readonly key: string }): string {
  return `stage-${name}-${key}`;
}
