import { interpreter } from "../layers/interpreter/layer.ts";
import { llamaCpp } from "../layers/llama-cpp/layer.ts";
import { llamaSource } from "../layers/llama-source/layer.ts";
import { toolbox } from "../layers/toolbox/layer.ts";
import { verification } from "../layers/verify/layer.ts";
import { type Layer, virtualEnvironment } from "../lib/recipe/layer.ts";
import type { ImageRuntime } from "../lib/recipe/recipe.ts";

/**
 * What only builds use, the check of the image's Python stages and llama.cpp's source included.
 *
 * @param layers those of the image
 */
export function buildLayers(layers: readonly Layer[]): Layer[] {
  const sources = layers.includes(llamaCpp) ? [llamaSource] : [];
  return [interpreter, toolbox, ...sources, verification(layers)];
}

/** How every image runs: the services of the layer `runtime`, in the environment of the layer `python`. */
export function imageRuntime(options: {
  readonly ports: readonly number[];
  /** How long the services may take until a failing health check counts. */
  readonly startPeriodSeconds: number;
  /** Of the driver, beside computing and its tools: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/ */
  readonly driverCapabilities?: readonly string[];
  /** Folder of programs that come before all others. */
  readonly programs?: string;
  readonly environment?: Readonly<Record<string, string>>;
}): ImageRuntime {
  const { ports, startPeriodSeconds, driverCapabilities = [], programs, environment } = options;
  return {
    // The entrypoint makes a mounted volume usable and becomes an ordinary user (docs/adr/0031-root-and-users.md).
    user: "root",
    environment: {
      PATH: `${programs ? `${programs}:` : ""}${virtualEnvironment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      VIRTUAL_ENV: virtualEnvironment,
      PYTHONUNBUFFERED: "1",
      NVIDIA_VISIBLE_DEVICES: "all",
      // Without NVIDIA_REQUIRE_CUDA: of an old driver the image tells more at its start (docs/adr/0032-what-runs.md).
      NVIDIA_DRIVER_CAPABILITIES: ["compute", "utility", ...driverCapabilities].join(","),
      ...environment,
    },
    ports,
    entrypoint: ["/opt/strata/runtime/entrypoint"],
    healthcheck: { command: ["/opt/strata/runtime/healthcheck"], startPeriodSeconds },
  };
}
