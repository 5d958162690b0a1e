import type { Bill, BilledStage } from "../bill/component.ts";
import type { Plan, Stage } from "./plan.ts";
import type { ProductLabels } from "./product.ts";

/** What a bill tells that no plan knows. */
export interface BillFacts {
  readonly labels: ProductLabels;
  readonly base: { readonly name: string; readonly digest: string };
  readonly materials: Readonly<Record<string, string>>;
}

/** A plan as a bill: what its product is made of, and from what. */
export function billOf(plan: Plan, { labels, base, materials }: BillFacts): Bill {
  const { product } = plan;
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
  };
}

function billedStage({ name, key, role, bulk = false, parents }: Stage): BilledStage {
  return { name, key, role, bulk, parents };
}
