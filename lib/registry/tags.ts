import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../errors.ts";

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
  return templates.map((template) => {
    const tag = template.replace(/\{(\w*)\}/g, (_, name: string) => {
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
    });
    if (tag.length <= longestTag) return tag;
    throw new UserError(
      "strata:tags",
      `"${template}" becomes "${tag}", which is longer than ${longestTag} characters.`,
      "Use a shorter one.",
    );
  });
}

/** What tags that strata gives by itself begin with; a user's tag begins with none of these. */
export const reservedPrefixes = ["stage-", "product-", "cache-", "keep-", "promotions-", "sha256-"] as const;

/** Longest tag that a stack may ask for: the history of its promotions lies under a tag with a prefix before it. */
export const longestTag = 128 - "promotions-".length;

/** What strata's own tags begin with is not for others. */
const userTag = new RegExp(
  `^(?!${reservedPrefixes.join("|")})[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,${longestTag - 1}}$`,
);

/** `strata:tags`: templates of the tags that a tested product gets. */
export const tagsSetting = z.array(
  z
    .string()
    .regex(
      userTag,
      `expected a tag of letters, digits, and . _ - that does not begin with ${reservedPrefixes.join(", ")}`,
    ),
);

/**
 * The working tag of a stage's image or of a product: a plan knows it before anything is built. Registries that remove
 * old images by tag can tell the two apart: a product is never among those.
 */
export function stageTag(stage: {
  readonly name: string;
  readonly key: string;
  readonly role: "product" | (string & {});
}): string {
  return `${stage.role === "product" ? "product" : "stage"}-${stage.name}-${stage.key}`;
}

/** A stage, as the tag says under which it was pushed. */
export interface StageTag {
  /** `host[:port]/path` */
  readonly repository: string;
  readonly name: string;
  readonly key: string;
  readonly role: "stage" | "product";
}

/** What a working tag says: of `registry/repository:stage-torch-<key>`, or of an export that names it. */
export function readStageTag(target: string): StageTag | undefined {
  const form = /(?:^|[=,])([^=,]+):(stage|product)-([^:,]+)-([0-9a-f]{20})(?:,|$)/;
  const [, repository, role, name, key] = form.exec(target) ?? [];
  if (!repository || !name || !key) return undefined;
  return { repository, name, key, role: role === "product" ? "product" : "stage" };
}

/** What the tag of a recipe's models begins with where they are an image of their own: it is kept as a product is. */
export function libraryTag(recipe: string): string {
  return `product-${recipe}-library`;
}

/** The working tag of an image that was joined: `prefix` is what `libraryTag` gave. */
export function joinedImageTag(prefix: string, digest: string): string {
  return `${prefix}-${digest.slice("sha256:".length, 27)}`;
}

/** The tag that keeps a stage which a stack uses, whatever its age. */
export function keepTag(stack: string, stage: string): string {
  const tag = `keep-${stack}-${stage}`;
  if (tag.length <= 128) return tag;
  return `${tag.slice(0, 107)}-${createHash("sha256").update(tag).digest("hex").slice(0, 20)}`;
}

/** The tag that keeps a digest where what has none is removed by its age: a tested image, and the evidence about it. */
export function keepDigestTag(digest: string): string {
  return `keep-${digest.replace(":", "-")}`;
}

/** How the tags of a compiler's cache begin that builders share: that of a stage, for what a base image brings. */
export function compilerCacheSeries(mount: string, base: string): string {
  return `cache-${mount.replace(/^strata-/, "")}-${base}`;
}

/** The tag of a part of it; nobody else writes the same one. */
export function compilerCacheTag(series: string, digest: string): string {
  return `${series}-${digest.slice("sha256:".length, 19)}`;
}

/** The series that a tag is of; undefined for any other tag. */
export function seriesOfTag(tag: string): string | undefined {
  return /^(cache-ccache-.+)-[0-9a-f]{12}$/.exec(tag)?.[1];
}

/** The tag under which the promotions of `tag` are written down. */
export function promotionsTag(tag: string): string {
  return `promotions-${tag}`;
}
