import { attention } from "../layers/attention/layer.ts";
import { backend } from "../layers/backend/layer.ts";
import { cuda } from "../layers/cuda/layer.ts";
import { interpreter } from "../layers/interpreter/layer.ts";
import { llamaCpp } from "../layers/llama-cpp/layer.ts";
import { countingModel } from "../layers/models/layer.ts";
import { python } from "../layers/python/layer.ts";
import { runtime } from "../layers/runtime/layer.ts";
import { system } from "../layers/system/layer.ts";
import { toolbox } from "../layers/toolbox/layer.ts";
import { torch } from "../layers/torch/layer.ts";
import { verification } from "../layers/verify/layer.ts";
import { virtualEnvironment } from "../lib/recipe/layer.ts";
import type { Recipe } from "../lib/recipe/recipe.ts";

const layers = [system, cuda, llamaCpp, python, torch, attention, backend, countingModel, runtime];

export const starter: Recipe = {
  name: "starter",
  summary: "LLM and PyTorch serving: an OpenAI-compatible llama-server on 8080 and a FastAPI service on 8000",
  buildLayers: [interpreter, toolbox, verification(layers)],
  layers,
  licences: "Apache-2.0 AND MIT AND BSD-3-Clause AND PSF-2.0 AND LicenseRef-NVIDIA-CUDA",
  sizeBudget: "3.3 GB",
  runtime: () => ({
    user: "strata",
    environment: {
      PATH: `${virtualEnvironment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      VIRTUAL_ENV: virtualEnvironment,
      PYTHONUNBUFFERED: "1",
      NVIDIA_VISIBLE_DEVICES: "all",
      NVIDIA_DRIVER_CAPABILITIES: "compute,utility",
    },
    ports: [8080, 8000],
    entrypoint: ["/opt/strata/runtime/entrypoint"],
    healthcheck: { command: ["/opt/strata/runtime/healthcheck"], startPeriodSeconds: 60 },
  }),
};
