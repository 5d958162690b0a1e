import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bill, BilledStage } from "../../bill/component.ts";
import { canonicalJson } from "../../canonical-json.ts";
import type { Plan, Stage } from "../plan.ts";
import type { ProductLabels } from "../product.ts";

/** What a bill tells that no plan knows. */
export interface BillFacts {
  readonly labels: ProductLabels;
  readonly base: NonNullable<Bill["base"]>;
  readonly materials: Readonly<Record<string, string>>;
}

/** A plan as a bill: what its product is made of, and from what. */
export function billOf(plan: Plan, { labels, base, materials }: BillFacts): Bill {
  const { product } = plan;
  // As components/layered-image.ts joins them.
  const library = plan.stages
    .filter(({ name, bulk }) => bulk && !product.parents.includes(name))
    .map(({ name }) => name);
  return {
    recipe: plan.recipe,
    generation: plan.generation,
    source: labels.source,
    revision: labels.revision,
    created: labels.created,
    base,
    stages: plan.stages.map(billedStage),
    key: product.key,
    inProduct: product.parents,
    components: plan.components.filter(
      ({ kind, stage }) => kind === "tool" || product.parents.includes(stage),
    ),
    materials,
    ...(library.length > 0
      ? {
          library: {
            stages: library,
            components: plan.components.filter(({ stage }) => library.includes(stage)),
          },
        }
      : {}),
  };
}

function billedStage({ name, key, role, bulk = false, parents, onBase }: Stage): BilledStage {
  return { name, key, role, bulk, parents, ...(onBase && parents.length > 0 ? { onBase } : {}) };
}

/**
 * Writes a bill to `<folder>/<recipe>-<hash>.json`, once: the content decides the name. A stack's state names the file, as a
 * bill has hundreds of hashes.
 *
 * @returns the file
 */
export function writeBill(folder: string, bill: Bill): string {
  const text = canonicalJson(bill);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 20);
  const file = join(folder, `${bill.recipe}-${hash}.json`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
  return file;
}
