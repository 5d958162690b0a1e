import { createHash } from "node:crypto";
import type { Bill } from "./component.ts";

/** Models have a time of their own, and the image has none: the one that the stages' files have. */
const CREATED = "1980-01-01T00:00:00.000Z";

/**
 * The bill of the image of models that belongs to a product; undefined where that has none. The same models give the same
 * bill, whatever the rest of the product, its generation and its revision are: their image is the same then, too.
 */
export function libraryBill({ library, ...product }: Bill): Bill | undefined {
  if (!library) return undefined;
  const stages = product.stages.filter(({ name }) => library.stages.includes(name));
  const keys = stages.map(({ name, key }) => `${name} ${key}`).join("\n");
  return {
    ...product,
    recipe: `${product.recipe}-library`,
    generation: "any",
    source: null,
    revision: null,
    created: CREATED,
    base: null,
    stages,
    key: createHash("sha256").update(keys).digest("hex").slice(0, 20),
    inProduct: library.stages,
    components: library.components,
    materials: {},
  };
}
