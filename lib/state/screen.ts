import prettyBytes from "pretty-bytes";
import type { RecordedStack } from "./recorded-stack.ts";

/**
 * What a stack exports: what `pulumi up` shows at its end, and no more than that. All else is in the resources, where
 * recorded-stack.ts reads it.
 */
export type ScreenOutput =
  | "recipe"
  | "image"
  | "digest"
  | "size"
  | "tags"
  | "copies"
  | "models"
  | "evidence"
  | "run";
export type Screen = { readonly [name in ScreenOutput]?: unknown };

/** What evidence has in any version. */
interface Findings {
  readonly verdict: string;
  readonly checks: readonly { readonly status: string }[];
  readonly secondOpinion?: { readonly outcome: string; readonly machine: string };
}

/** `2.74 GB compressed` */
export function sizeLine(bytes: number): string {
  return `${prettyBytes(bytes)} compressed`;
}

/**
 * `pass: 21 passed, 3 skipped`; a skip is not a pass, so each status is counted by itself. That a machine failed it which
 * another one contradicted belongs to a pass.
 */
export function shownEvidence({ verdict, checks, secondOpinion }: Findings): string {
  const words: { readonly [status: string]: string } = { pass: "passed", fail: "failed", skip: "skipped" };
  const counts = Map.groupBy(checks, ({ status }) => status);
  const parts = [...counts].map(([status, group]) => `${group.length} ${words[status] ?? status}`);
  const alone = secondOpinion?.outcome === "contradicted" ? `; failed on ${secondOpinion.machine} alone` : "";
  return parts.length === 0 ? verdict : `${verdict}: ${parts.join(", ")}${alone}`;
}

/** How a product is run, with what it listens on. */
export function runLine(reference: string, generation: string | undefined, ports: readonly number[]): string {
  const gpus = generation !== undefined && generation !== "cpu" ? "--gpus all " : "";
  const published = ports.map((port) => `-p ${publishedPort(port)} `).join("");
  return `docker run --rm ${gpus}${published}${reference}`;
}

/** What a stack goes on to export when an update is about single stages: what it exported, if need be in today's form. */
export function keptScreen({ recipe, product, outputs = {} }: RecordedStack): Screen {
  if (!("product" in outputs || "stages" in outputs)) return { recipe, ...outputs };
  const { reference, digest, tags, copies, models } = (product ?? {}) as Readonly<Record<string, unknown>>;
  const shown = { recipe, image: reference, digest, tags, copies: listOf(copies), models };
  return Object.fromEntries(
    Object.entries(shown).filter(([, value]) => value !== undefined && value !== null),
  );
}

function listOf(copies: unknown): unknown {
  return Array.isArray(copies) && copies.length > 0 ? copies.flat() : undefined;
}

/** A port as it is published: by its own number, but for SSH's, which a machine has for itself. */
export function publishedPort(port: number | string): string {
  return Number(port) === 22 ? "2222:22" : `${port}:${port}`;
}
