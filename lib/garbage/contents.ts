/** What a repository of a registry holds, as a collection looks at it. */
import { seriesOfTag } from "../registry/tags.ts";

/** A manifest, an index, or an artifact. */
export interface StoredItem {
  readonly digest: string;
  /** Of the document itself. */
  readonly bytes: number;
  /** What it names by digest and holds no copy of, with sizes: layers, configurations, payloads. */
  readonly blobs: ReadonlyMap<string, number>;
  /** The images of an index; of a list of artifacts, these. */
  readonly children: readonly string[];
  /** What it is about. */
  readonly subject: string | undefined;
  /** What it holds all of, by digest: parts of a compiler's cache that were put together. */
  readonly replaces?: readonly string[];
  /** When it was stored; undefined where the registry does not say. */
  readonly storedAt: Date | undefined;
}

/** All that is known of a repository. */
export interface Contents {
  /** Where each tag points. */
  readonly tags: ReadonlyMap<string, string>;
  /** By digest. */
  readonly items: ReadonlyMap<string, StoredItem>;
}

/** Something that is needed for a reason of its own. */
export interface Root {
  readonly digest: string;
  readonly reason: string;
}

/** What a tag says of itself. */
export type TagMeaning =
  | { readonly kind: "user" }
  /** A stack's word, or a history: it stays. */
  | { readonly kind: "kept" }
  | { readonly kind: "history"; readonly of: string }
  /** A stage, a product, a cache: it keeps nothing by itself. */
  | { readonly kind: "working" }
  /** A part of a compiler's cache that builders share. */
  | { readonly kind: "compiler-cache"; readonly series: string }
  /** A tested image or its evidence: a tag of its own against rules that go by age. */
  | { readonly kind: "tested" }
  /** A list of what is about a digest; cosign's older artifacts too, `sha256-….sig`. */
  | { readonly kind: "about"; readonly subject: string };

/** What strata, and others by the specification, mean by a tag: see lib/registry/tags.ts. */
export function meaningOf(tag: string): TagMeaning {
  const about = /^(sha256)-([0-9a-f]{64})(\.|$)/.exec(tag);
  if (about) return { kind: "about", subject: `sha256:${about[2]}` };
  if (/^keep-sha256-[0-9a-f]{64}$/.test(tag)) return { kind: "tested" };
  if (tag.startsWith("keep-")) return { kind: "kept" };
  if (tag.startsWith("promotions-")) return { kind: "history", of: tag.slice("promotions-".length) };
  const series = seriesOfTag(tag);
  if (series !== undefined) return { kind: "compiler-cache", series };
  if (/^(stage|product|cache)-/.test(tag)) return { kind: "working" };
  return { kind: "user" };
}
