import { attention } from "../layers/attention/layer.ts";
import { backend } from "../layers/backend/layer.ts";
import { countingModel } from "../layers/counting-model/layer.ts";
import { cpython } from "../layers/cpython/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { llamaCpp } from "../layers/llama-cpp/layer.ts";
import { python } from "../layers/python/layer.ts";
import { runtime } from "../layers/runtime/layer.ts";
import { system } from "../layers/system/layer.ts";
import { torch } from "../layers/torch/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";
import { buildLayers, imageRuntime } from "./common.ts";

const layers = [system, cpython, cuda, llamaCpp, python, torch, attention, backend, countingModel, runtime];

export const starter: Recipe = {
  name: "starter",
  summary: "LLM and PyTorch serving: an OpenAI-compatible llama-server on 8080 and a FastAPI service on 8000",
  layers,
  buildLayers: buildLayers(layers),
  licences: "Apache-2.0 AND MIT AND BSD-3-Clause AND PSF-2.0 AND LicenseRef-NVIDIA-CUDA",
  sizeBudget: "3.3 GB",
  runtime: () => imageRuntime({ ports: [8080, 8000], startPeriodSeconds: 60 }),
};
