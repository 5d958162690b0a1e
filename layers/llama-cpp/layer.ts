import type { Component } from "../../lib/bill/component.ts";
import { gitPurl, programPurl, pypiPurl } from "../../lib/bill/purl.ts";
import { cudaToolchain } from "../../lib/gpu/compatibility.ts";
import { cmakeCudaArchitectures } from "../../lib/gpu/generations.ts";
import { type Layer, type LayerContext, sitePackages } from "../../lib/recipe/layer.ts";

const usesCuda = ({ generation }: LayerContext): boolean => generation.computeCapabilities.length > 0;

export const llamaCpp: Layer = {
  name: "llama-cpp",
  summary:
    "llama-server, compiled for exactly the generation's compute capabilities; no Python change compiles it again",
  included: ({ llama }) => llama.enabled,
  parents: (context) => [...(usesCuda(context) ? ["toolbox", "cuda"] : ["toolbox"]), "llama-source"],
  shared: ["shared/assemble-cuda.sh", "shared/finish.sh", "shared/gpu_code.py", "shared/trust.sh"],
  args: (context) => ({
    LIBRARIES: usesCuda(context) ? "cuda" : "toolbox",
    VERSION: context.llama.pin.version,
    CUDA_ARCHITECTURES: cmakeCudaArchitectures(context.generation.computeCapabilities),
    ...(usesCuda(context)
      ? { CUDA_VMM: String(context.llama.vmm), SITE_PACKAGES: sitePackages(context) }
      : {}),
  }),
  pins: ({ llama }) => ({ "llama.cpp": `${llama.pin.version} ${llama.pin.hash}` }),
  python: (context) => ({
    build: usesCuda(context) ? cudaToolchain(context.set) : [],
  }),
  // An estimate: ggml's kernels are smaller than those of attention.
  weight: (context) => (usesCuda(context) ? { compilerMemory: 2e9 } : undefined),
  owns: () => ["/opt/llama.cpp"],
  components: (context) => [llamaComponent(context)],
};

function llamaComponent({
  llama: { source, pin, ui, vmm },
  generation,
}: LayerContext): Omit<Component, "stage"> {
  const { computeCapabilities: capabilities } = generation;
  return {
    kind: "compiled",
    name: "llama.cpp",
    version: pin.version,
    purl: programPurl("llama.cpp", pin.version),
    paths: ["/opt/llama.cpp"],
    source:
      source === "git"
        ? { purl: gitPurl(pin.location, pin.hash) }
        : { purl: pypiPurl("llama-cpp-python", pin.location), hashes: [`sha256:${pin.hash}`] },
    comment: [
      capabilities.length > 0
        ? `Compiled for the compute capabilities ${capabilities.join(", ")}, ${vmm ? "with" : "without"} virtual memory management.`
        : "Compiled for the CPU alone.",
      ...(ui
        ? ["Its web page is made of the npm packages that its source pins (tools/ui/package-lock.json)."]
        : []),
    ].join(" "),
  };
}
