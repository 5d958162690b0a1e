import { z } from "zod";
import { type Statement, statementAbout } from "../attestation/statement.ts";
import { aspects, type FileDifference } from "./members.ts";

/** Of a statement that somebody has built the stages of a product again. Raised where its fields change their meaning. */
export const REPRODUCTION_TYPE = "urn:strata:reproduction:v1";

/** Most files of a stage that a statement names. */
const MOST_FILES = 200;

/** A layer that came out otherwise. */
export interface LayerDifference {
  /** From 1, the lowest first. */
  readonly number: number;
  readonly published: LayerName | null;
  readonly rebuilt: LayerName | null;
  /** Whether the tar is the same, and only packed otherwise. */
  readonly repacked: boolean;
  readonly files: readonly FileDifference[];
}

/** A layer as it is packed, and as a tar. */
interface LayerName {
  readonly digest: string;
  readonly diffId: string;
}

/** How two images of a stage differ. */
export interface StageDifference {
  readonly layers: readonly LayerDifference[];
  /** Fields of the configuration that differ, `config.Env`. */
  readonly configuration: readonly string[];
  /** Of what built: name, and the version then and now, where they differ. */
  readonly versions: Readonly<Record<string, readonly [string, string]>>;
}

/**
 * `equal`: the same digest. `repacked`: the same files, other bytes in the registry. `different`: other files. `failed`:
 * could not be built again. `left`: was not built again.
 */
export const verdicts = ["equal", "repacked", "different", "failed", "left"] as const;
export type Likeness = (typeof verdicts)[number];

/** What became of a stage. */
export interface StageReproduction {
  readonly name: string;
  readonly key: string;
  readonly published: string | null;
  readonly rebuilt: string | null;
  readonly verdict: Likeness;
  /** Why it is not equal, where that is known; what failed; why it was left. */
  readonly reason: string | null;
  readonly difference: StageDifference | null;
  readonly seconds: number;
}

/** What the second builder had otherwise than the first, in words, by what it is. */
export type Variations = Readonly<Record<string, string>>;

export interface Reproduction {
  readonly recipe: string;
  readonly stages: readonly StageReproduction[];
  readonly varied: Variations;
  readonly builder: { readonly id: string; readonly versions: Readonly<Record<string, string>> };
}

/** Whether there is nothing to mend: what is not equal has a reason that is known. */
export function isAsExpected({ verdict, reason }: Pick<StageReproduction, "verdict" | "reason">): boolean {
  return verdict !== "failed" && (verdict === "equal" || verdict === "left" || reason !== null);
}

/** The verdict of a difference. */
export function verdictOf({ layers, configuration }: StageDifference): Likeness {
  return configuration.length === 0 && layers.every(({ repacked }) => repacked) ? "repacked" : "different";
}

/** As others may read it: no times, so that the same finding by the same builder is the same bytes. @param digest the product's */
export function reproductionStatement(
  { recipe, stages, varied, builder }: Reproduction,
  digest: string,
): Statement {
  return statementAbout(recipe, digest, REPRODUCTION_TYPE, {
    varied,
    builder: { id: builder.id, version: builder.versions },
    stages: stages.map(({ seconds: _, difference, ...stage }) => ({
      ...stage,
      difference: difference && {
        ...difference,
        layers: difference.layers.map(({ files, ...layer }) => ({
          ...layer,
          fileCount: files.length,
          files: files.slice(0, MOST_FILES),
        })),
      },
    })),
  });
}

const file = z.looseObject({ path: z.string(), aspects: z.array(z.enum(aspects)) });
const predicate = z.looseObject({
  builder: z.looseObject({ id: z.string() }),
  stages: z.array(
    z.looseObject({
      name: z.string(),
      verdict: z.enum(verdicts),
      reason: z.string().nullable(),
      difference: z.looseObject({ layers: z.array(z.looseObject({ files: z.array(file) })) }).nullable(),
    }),
  ),
});

/** What a statement says of a product, as far as a line tells; undefined for one of another kind. */
export function statedReproduction({ predicateType, predicate: stated }: Statement) {
  if (predicateType !== REPRODUCTION_TYPE) return undefined;
  return predicate.safeParse(stated).data;
}

/** `12 equal, 1 different (unexplained: torch), 2 left` */
export function reproductionLine(
  stages: readonly Pick<StageReproduction, "name" | "verdict" | "reason">[],
): string {
  return verdicts
    .flatMap((verdict) => {
      const of = stages.filter((stage) => stage.verdict === verdict);
      if (of.length === 0) return [];
      const open = of.filter((stage) => !isAsExpected(stage)).map(({ name }) => name);
      return [`${of.length} ${verdict}${open.length > 0 ? ` (unexplained: ${open.join(", ")})` : ""}`];
    })
    .join(", ");
}
