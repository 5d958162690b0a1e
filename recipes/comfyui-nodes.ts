import type { CustomNode, Replacement } from "../lib/comfyui/custom-nodes.ts";

const drop = (reason: string): Replacement => ({ use: [], reason });
const use = (requirement: string, reason: string): Replacement => ({ use: [requirement], reason });

/** The WAS suite and its fork ask for the same packages, each from its own copies. */
const wasReplacements = (owner: string): Readonly<Record<string, Replacement>> => ({
  cmake: drop("a build tool, and nothing is built at run time"),
  [`git+https://github.com/${owner}/img2texture.git`]: use("img2texture", "built from its commit"),
  [`git+https://github.com/${owner}/cstr`]: use("cstr", "built from its commit"),
  [`git+https://github.com/${owner}/ffmpy.git`]: use("ffmpy", "the index has the maintained one"),
});

const cozyComfyUi = use("cozy-comfyui", "built from its commit");

/** What is known of single nodes, whichever recipe has them; by `owner/name`. */
const remarks: Readonly<Record<string, Partial<CustomNode>>> = {
  "Fannovel16/ComfyUI-Frame-Interpolation": { requirements: ["requirements-no-cupy.txt"] },
  "WASasquatch/was-node-suite-comfyui": { replace: wasReplacements("WASasquatch") },
  "ltdrdata/was-node-suite-comfyui": { replace: wasReplacements("ltdrdata") },
  "Amorano/Jovi_Measure": {
    replace: {
      "git+https://github.com/cozy-comfyui/cozy_comfyui@main#egg=cozy_comfyui": cozyComfyUi,
    },
  },
  "Amorano/Jovimetrix": {
    replace: {
      "git+https://github.com/cozy-comfyui/cozy_comfyui@main#egg=cozy_comfyui": cozyComfyUi,
      "git+https://github.com/cozy-comfyui/cozy_comfy@main#egg=cozy_comfy": drop(
        "its repository could not be read when this was locked, so no commit is known",
      ),
    },
  },
  "yolain/ComfyUI-Easy-Use": {
    omit: { "ComfyUI-Easy-Use-Frontend": "the sources of the front end, whose result is in the repository" },
  },
  "melMass/comfy_mtb": {
    omit: {
      "extern/frame_interpolation": "runs on TensorFlow, which the image does not have",
      "extern/GFPGAN": "face restoration whose packages no longer build; its nodes stay away",
      wiki: "documentation",
    },
  },
  "rdancer/ComfyUI_Florence2SAM2": {
    pointers: "weights that it takes from ComfyUI's model folders as well, and example videos",
    replace: {
      "git+https://github.com/rdancer/samv2.git": use("samv2", "built from its commit"),
      gradio: drop("its imports are commented out: only its web demo used it"),
      spaces: drop("its imports are commented out: only its web demo used it"),
      "flit_core>=3.2,<4": drop("a build tool"),
    },
  },
  "numz/ComfyUI-SeedVR2_VideoUpscaler": {
    needsGpu: "takes the first of the GPUs as the default of its inputs when it is imported",
  },
  "ltdrdata/ComfyUI-Impact-Pack": {
    knownFailure:
      "the newest copy at hand is of 2024 and expects its subpack inside, which became a node of its own",
  },
  "kijai/ComfyUI-HunyuanVideoWrapper": {
    replace: { "jax >= 0.4.28": drop("nothing in it imports jax, and its libraries are 345 MB") },
  },
  "Kosinkadink/ComfyUI-VideoHelperSuite": {
    replace: {
      "imageio-ffmpeg": drop("it takes the distribution's ffmpeg; the wheel brings another one of 80 MB"),
    },
  },
  "Lightricks/ComfyUI-LTXVideo": {
    knownFailure:
      "the newest copy at hand is of June 2026 and imports interleaved_freqs_cis, gone since ComfyUI 0.30",
    pointers: "only example pictures and videos",
    replace: {
      "ninja~=1.11.1.4": drop("a build tool, and nothing is built at run time"),
      "transformers[timm]>=4.50.0": {
        use: ["transformers>=4.50.0", "timm"],
        reason: "the extra of transformers 4.53 caps timm below what ComfyUI-HunyuanVideoWrapper asks for",
      },
    },
  },
};

/** A custom node on GitHub, with what is known of it. */
export function node(name: string, more: Partial<CustomNode> = {}): CustomNode {
  return { repository: `https://github.com/${name}`, ...remarks[name], ...more };
}
