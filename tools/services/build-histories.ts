import { z } from "zod";
import { attempt } from "../program/exec.ts";

/** A program and the words before its own: `buildctl` here, or in the builder's container. */
export type Buildctl = readonly [program: string, ...words: string[]];

/** A build that a builder remembers, or is at. */
export interface BuildRecord {
  /** By which its log is asked for. */
  readonly ref: string;
  /** Whether it has no end yet. */
  readonly isRunning: boolean;
  readonly hasFailed: boolean;
  /** What it was to be called, `repository:tag`. */
  readonly names: readonly string[];
  /** What it has made, `sha256:…`. */
  readonly digests: readonly string[];
  /** What BuildKit states of it by itself, and where in the builder that lies: digests by type. */
  readonly attestations: Readonly<Record<string, string>>;
}

const digestSchema = z.object({ digest: z.string() });

/** A line of `buildctl debug histories`; BuildKit 0.31.1, api/services/control: what runs has no time of its end. */
const lineSchema = z.object({
  record: z.object({
    Ref: z.string(),
    CompletedAt: z.object({ seconds: z.number().optional(), nanos: z.number().optional() }).nullish(),
    error: z.unknown().optional(),
    Exporters: z.array(z.object({ Attrs: z.record(z.string(), z.string()).nullish() })).nullish(),
    Result: z
      .object({
        Results: z.record(z.string(), digestSchema).nullish(),
        ResultDeprecated: digestSchema.nullish(),
        Attestations: z
          .array(digestSchema.extend({ annotations: z.record(z.string(), z.string()).nullish() }))
          .nullish(),
      })
      .nullish(),
  }),
});

type Line = z.output<typeof lineSchema>["record"];

/** How long a builder at work may take to answer. */
const PATIENCE_MS = 20_000;

/**
 * What a builder remembers of its builds, the one that ended last at the end; nothing where it does not answer. What it has
 * said counts even if buildctl fails after it, which it does on a busy machine (tools/builder/buildctl.ts).
 */
export async function buildHistories(
  [program, ...words]: Buildctl,
  environment: Readonly<Record<string, string>> = {},
): Promise<BuildRecord[]> {
  const { stdout } = await attempt(program, [...words, "debug", "histories", "--format", "{{json .}}"], {
    env: environment,
    timeout: PATIENCE_MS,
  });
  return parseHistories(stdout);
}

/**
 * The records in what it prints, one JSON object a line; what is none is passed over. BuildKit lists those that have ended by
 * their random names (solver/llbsolver/history of moby/buildkit), so they are put in order here.
 */
export function parseHistories(text: string): BuildRecord[] {
  return text
    .split("\n")
    .flatMap((line) => lineIn(line) ?? [])
    .toSorted((a, b) => endOf(a) - endOf(b))
    .map(recordOf);
}

function lineIn(line: string): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data?.record;
  } catch {
    return undefined;
  }
}

function endOf({ CompletedAt: at }: Line): number {
  return at ? (at.seconds ?? 0) + (at.nanos ?? 0) / 1e9 : Infinity;
}

function recordOf({ Ref, CompletedAt, error, Exporters, Result }: Line): BuildRecord {
  const results = [...Object.values(Result?.Results ?? {}), Result?.ResultDeprecated];
  const attested = (Result?.Attestations ?? []).map(({ digest, annotations }) => [
    annotations?.["in-toto.io/predicate-type"] ?? "",
    digest,
  ]);
  return {
    ref: Ref,
    isRunning: (CompletedAt ?? null) === null,
    hasFailed: Boolean(error),
    names: (Exporters ?? []).flatMap(({ Attrs }) => Attrs?.name ?? []),
    digests: results.flatMap((each) => each?.digest ?? []),
    attestations: Object.fromEntries(attested),
  };
}
