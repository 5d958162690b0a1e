import Table from "cli-table3";
import { z } from "zod";
import { runLine, shownEvidence, sizeLine } from "../../lib/state/screen.ts";
import { elapsed } from "../program/progress.ts";

/** What a stack's state says, as far as the summary shows it; whatever is missing is left out. */
const resultSchema = z.object({
  product: z
    .object({
      reference: z.string().optional().catch(undefined),
      digest: z.string().optional().catch(undefined),
      bytes: z.number().optional().catch(undefined),
      tags: z.array(z.string()).optional().catch(undefined),
      /** The image of models, where they are one of their own. */
      models: z.string().nullish().catch(undefined),
      copies: z.array(z.array(z.string())).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  /** Keys of the stages that were built, the product's among them. */
  stages: z
    .record(z.string(), z.object({ key: z.string() }))
    .optional()
    .catch(undefined),
  evidence: z
    .object({
      verdict: z.string(),
      generation: z.string().optional(),
      checks: z.array(
        z.object({
          id: z.string(),
          title: z.string().optional(),
          status: z.string(),
          reason: z.string().optional(),
          seconds: z.number().optional(),
        }),
      ),
    })
    .optional()
    .catch(undefined),
});
export type Result = z.infer<typeof resultSchema>;

/** What the summary tells of a stack's state. */
export function resultOf(record: unknown): Result {
  return resultSchema.parse(record);
}

/**
 * What `make up` says at its end.
 *
 * @param milliseconds how long it took
 * @param ports what the image listens on
 */
export function summary(
  { product, evidence }: Result,
  milliseconds: number,
  ports: readonly number[],
): string {
  const rows: [string, string][] = [];
  if (product?.reference) rows.push(["image", product.reference]);
  else if (product?.digest) rows.push(["digest", product.digest]);
  if (product?.bytes !== undefined) rows.push(["size", sizeLine(product.bytes)]);
  if (product?.tags?.length) rows.push(["tags", product.tags.join(", ")]);
  if (product?.models) rows.push(["models", product.models]);
  for (const copy of product?.copies ?? []) rows.push(["copy", copy.join(", ")]);
  if (evidence) rows.push(["evidence", shownEvidence(evidence)]);
  if (product?.reference) {
    rows.push(["run it", runLine(product.reference, evidence?.generation, ports)]);
  }
  rows.push(["took", elapsed(milliseconds)]);
  const facts = rows.map(([name, value]) => `${name.padEnd(10)}${value}`).join("\n");
  return evidence ? `${checkTable(evidence.checks)}\n\n${facts}` : facts;
}

type Evidence = NonNullable<Result["evidence"]>;

function checkTable(checks: Evidence["checks"]): string {
  const none = { top: "", "top-mid": "", "top-left": "", "top-right": "" };
  const bottom = { bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" };
  const inside = {
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  };
  const table = new Table({
    chars: { ...none, ...bottom, ...inside },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const { id, title, status, reason, seconds } of checks) {
    const what = [title, status === "pass" ? undefined : reason].filter(Boolean).join(": ");
    table.push([status, id, seconds === undefined ? "" : `${seconds.toFixed(1)}s`, what]);
  }
  // The last column is padded to its widest cell, which a log need not keep.
  return table.toString().replaceAll(/[ \t]+$/gm, "");
}
