/**
 * What the package `strata` gives to whoever imports it; docs/package.md explains it. A name here is kept until the next
 * major version, and tests/unit/public.test.ts has the list.
 */
export type { BuildSettings, BuiltStage } from "./components/image-stage.ts";
export { LayeredImage, type LayeredImageArgs } from "./components/layered-image.ts";
export { Promotion, type PromotionArgs, type PromotionTerms } from "./components/promotion.ts";
export type { Registry } from "./components/registry/registry.ts";
export { SmokeTest, type SmokeTestArgs } from "./components/smoke-test.ts";
export { UserError } from "./errors.ts";
export type { CustomNode } from "./lib/comfyui/custom-nodes.ts";
export { filesLayer } from "./lib/recipe/files-layer.ts";
export type { Layer, LayerContext } from "./lib/recipe/layer.ts";
export type { Recipe } from "./lib/recipe/recipe.ts";
export { type ImageSettings, openImageRegistry, type PlannedImage, planImage } from "./plan-image.ts";
export { type Extension, extendRecipe, node } from "./recipes/extend.ts";
export { megapak } from "./recipes/megapak.ts";
export { starter } from "./recipes/starter.ts";
export { studio } from "./recipes/studio.ts";
export { wan22 } from "./recipes/wan22.ts";
