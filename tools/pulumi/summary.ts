import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import { z } from "zod";
import { attempt } from "../program/exec.ts";
import { elapsed } from "../program/progress.ts";
import type { Stack } from "../stack/stack.ts";

/** The stack's outputs, as far as the summary shows them; whatever is missing is left out. */
const outputsSchema = z.object({
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
  /** Keys of the stages that the outputs are about, the product's among them. */
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
type Outputs = z.infer<typeof outputsSchema>;

/** The outputs of the stack, or nothing where it has none that we know. */
export async function stackOutputs(stack: Stack): Promise<Outputs> {
  const result = await attempt(stack.pulumi, ["stack", "output", "--json", "--stack", stack.name], {
    cwd: stack.folder,
    env: stack.environment,
  });
  return result.ok ? outputsSchema.parse(JSON.parse(result.stdout)) : {};
}

/**
 * What `make up` says at its end.
 *
 * @param milliseconds how long it took
 * @param ports what the image listens on
 */
export function summary(
  { product, evidence }: Outputs,
  milliseconds: number,
  ports: readonly number[],
): string {
  const rows: [string, string][] = [];
  if (product?.reference) rows.push(["image", product.reference]);
  else if (product?.digest) rows.push(["digest", product.digest]);
  if (product?.bytes !== undefined) rows.push(["size", `${prettyBytes(product.bytes)} compressed`]);
  if (product?.tags?.length) rows.push(["tags", product.tags.join(", ")]);
  if (product?.models) rows.push(["models", product.models]);
  for (const copy of product?.copies ?? []) rows.push(["copy", copy.join(", ")]);
  if (evidence) rows.push(["evidence", verdict(evidence)]);
  if (product?.reference) {
    const gpus = evidence?.generation && evidence.generation !== "cpu" ? "--gpus all " : "";
    const published = ports.map((port) => `-p ${port}:${port} `).join("");
    rows.push(["run it", `docker run --rm ${gpus}${published}${product.reference}`]);
  }
  rows.push(["took", elapsed(milliseconds)]);
  const facts = rows.map(([name, value]) => `${name.padEnd(10)}${value}`).join("\n");
  return evidence ? `${checkTable(evidence.checks)}\n\n${facts}` : facts;
}

type Evidence = NonNullable<Outputs["evidence"]>;

/** `pass: 21 passed, 3 skipped`; a skip is not a pass, so each status is counted by itself. */
function verdict({ verdict: result, checks }: Evidence): string {
  const words: { readonly [status: string]: string } = { pass: "passed", fail: "failed", skip: "skipped" };
  const counts = Map.groupBy(checks, ({ status }) => status);
  const parts = [...counts].map(([status, group]) => `${group.length} ${words[status] ?? status}`);
  return `${result}: ${parts.join(", ")}`;
}

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
