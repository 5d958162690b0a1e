import { throwAll, UserError } from "../../errors.ts";
import type { Component } from "../bill/component.ts";
import type { Distribution } from "../locks/python-lock.ts";
import type { Layer, LayerContext } from "../recipe/layer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { plannedComponents } from "./bill/components.ts";
import { imagePackages, type LockedPackages } from "./packages.ts";
import { planProblems } from "./plan-problems.ts";
import { planStage, type Stage } from "./plan-stage.ts";
import { type Product, type ProductLabels, planProduct } from "./product.ts";

export type { PlanEntry, Stage } from "./plan-stage.ts";
export type { Product } from "./product.ts";

/** A recipe as a graph of stages, parents before children; the product is what they are put together to. */
export interface Plan {
  readonly recipe: string;
  readonly generation: string;
  readonly stages: readonly Stage[];
  readonly product: Product;
  /** Variables that the product runs with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ports that the product listens on. */
  readonly ports: readonly number[];
  /** What its stages are put together of, for the bill of materials. */
  readonly components: readonly Component[];
  /** What it is without, and how to get it; absent where an older revision plans. */
  readonly lacks?: readonly string[];
}

export interface PlanSources {
  /** The folder `layers/`. */
  readonly layersFolder: string;
  /** The recipe's file, as people know it. @default its file in `recipes/` */
  readonly file?: string;
  readonly lock: LockedPackages;
  /** The locks of layers with an environment of their own, by the layer's name. @default none */
  readonly environments?: ReadonlyMap<string, LockedPackages>;
  readonly labels: ProductLabels;
  /** The layer that builds a package of which there is no wheel. */
  readonly sourceWheel: (distribution: Distribution) => Layer;
}

/** Turns a recipe into its plan. Reads layer files, nothing else; throws all mistakes together. */
export function planRecipe(recipe: Recipe, context: LayerContext, sources: PlanSources): Plan {
  const {
    file = `recipes/${recipe.name}.ts`,
    layersFolder,
    lock,
    environments,
    labels,
    sourceWheel,
  } = sources;
  const inImage = recipe.layers.filter((layer) => layer.included?.(context) ?? true);
  const packages = imagePackages({ ...recipe, layers: inImage }, context, lock);
  const wheels = new Map(
    packages.all.filter(({ fromSource }) => fromSource).map((wheel) => [wheel.name, sourceWheel(wheel)]),
  );
  const layers = [...recipe.buildLayers, ...inImage, ...wheels.values()];
  throwAll(file, planProblems({ recipe: recipe.name, context, layers, inImage, layersFolder }));

  const withWheels = (layer: Layer): Layer => ({
    ...layer,
    parents: () => [
      ...layer.parents(context),
      ...(packages.byLayer.get(layer.name) ?? []).flatMap(({ name }) => wheels.get(name)?.name ?? []),
    ],
  });
  const image = { recipe: recipe.name, context, packages, environments, layersFolder };
  const stages: Stage[] = [];
  for (const layer of parentsFirst(layers.map(withWheels), context)) {
    stages.push(planStage(layer, image, stages));
  }
  const { environment, ports } = recipe.runtime(context);
  return {
    recipe: recipe.name,
    generation: context.generation.name,
    stages,
    product: planProduct({ ...recipe, layers: inImage }, file, labels, context, stages),
    environment,
    ports,
    components: plannedComponents({
      image,
      inImage,
      building: [...recipe.buildLayers, ...wheels.values()],
      wheels,
      stages,
    }),
    lacks: recipe.layers.flatMap((layer) => layer.lacks?.(context) ?? []),
  };
}

/** Orders layers so that parents come first, and among equals as the recipe lists them. */
function parentsFirst(layers: readonly Layer[], context: LayerContext): Layer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const ordered = new Set<Layer>();
  const visit = (layer: Layer, trail: readonly string[]): void => {
    if (ordered.has(layer)) return;
    if (trail.includes(layer.name)) {
      const cycle = [...trail.slice(trail.indexOf(layer.name)), layer.name].join(" → ");
      throw new UserError(`layers/${layer.name}/layer.ts`, `parents form a cycle: ${cycle}.`, "Remove one.");
    }
    for (const parent of layer.parents(context)) {
      const parentLayer = byName.get(parent);
      if (parentLayer) visit(parentLayer, [...trail, layer.name]);
    }
    ordered.add(layer);
  };
  for (const layer of layers) visit(layer, []);
  return [...ordered];
}
