import type { TrustSetting } from "../attestation/trust-setting.ts";

/** Rules about what may be made, for the program itself and for Pulumi's own policy packs: values in, words out. */

/** A resource as somebody wants it made; what is not known yet is undefined. */
export interface WantedResource {
  /** `docker-build:index:Image` */
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/** What rules are told beside a resource. */
export interface PolicyTerms {
  /** `strata:trust`; undefined where nothing has to be signed. */
  readonly trust?: TrustSetting | undefined;
  /** A file of the working directory; undefined where it cannot be read. */
  readonly read?: (path: string) => string | undefined;
}

export interface PolicyRule {
  readonly name: string;
  /** What it refuses, for people. */
  readonly description: string;
  /** What is wrong with a resource, each in words. */
  readonly problems: (resource: WantedResource, terms: PolicyTerms) => readonly string[];
}

/** The value at a path; undefined where there is none, or it is not known yet. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
}

/** The text at a path; undefined for whatever else is there. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** The list at a path; empty where there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Entries of an object whose values are texts. */
export function namedTexts(value: unknown): [name: string, text: string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string");
}
