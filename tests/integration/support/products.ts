import type { Plan } from "../../../lib/plan/plan.ts";
import { benchLayers, benchPlan } from "../../bench/layers.ts";
import { smallComfyUi, smallComfyUiPlan } from "./small-comfyui.ts";
import { smallCompiled, smallCompiledPlan } from "./small-compiled.ts";
import { smallLayers, smallPlan } from "./small-layers.ts";
import { smallModels, smallModelsPlan } from "./small-models.ts";

/** What the program under test can build. */
interface TestProduct {
  /** Files of its layers, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly plan: (layersFolder: string, base: string) => Plan;
}

export const products = {
  small: { files: smallLayers, plan: smallPlan },
  comfyui: { files: smallComfyUi, plan: smallComfyUiPlan },
  bench: { files: benchLayers, plan: benchPlan },
  compiled: { files: smallCompiled, plan: smallCompiledPlan },
  models: { files: smallModels, plan: smallModelsPlan },
} satisfies Readonly<Record<string, TestProduct>>;

export type ProductName = keyof typeof products;
