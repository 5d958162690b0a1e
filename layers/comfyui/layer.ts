import { repositoryComponents } from "../../lib/bill/component.ts";
import { addGit, runInstruction, stageDockerfile } from "../../lib/recipe/dockerfile.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

export const comfyuiFolder = "/opt/comfyui";

/** ComfyUI's own files; its nodes and Python packages are stages of their own. */
export const comfyui: Layer = {
  name: "comfyui",
  summary: "ComfyUI itself at its commit, without git and without nodes",
  parents: () => ["interpreter"],
  shared: ["shared/finish.sh", "shared/compile-python.sh"],
  pins: (context) => ({ ComfyUI: context.comfyui?.commit ?? "" }),
  components: ({ comfyui: found }) => (found ? repositoryComponents("ComfyUI", found, comfyuiFolder) : []),
  dockerfile: (_, context) =>
    stageDockerfile([
      "# ComfyUI at its commit, fetched by BuildKit.",
      "FROM scratch AS source",
      ...(context.comfyui?.fetches ?? []).map((fetch) => addGit(fetch, fetch.path)),
      "",
      "FROM interpreter AS build",
      "ARG SOURCE_DATE_EPOCH",
      runInstruction(
        [
          "--network=none",
          "--mount=type=bind,target=/context",
          "--mount=type=bind,from=source,target=/source",
        ],
        "sh -eu /context/build.sh",
      ),
    ]),
};
