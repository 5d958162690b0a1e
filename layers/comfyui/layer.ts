import type { Layer } from "../../lib/recipe/layer.ts";
import { gitAddress } from "../../lib/recipe/source-build.ts";

export const comfyuiFolder = "/opt/comfyui";

/** ComfyUI's own files; its nodes and Python packages are stages of their own. */
export const comfyui: Layer = {
  name: "comfyui",
  summary: "ComfyUI itself at its commit, without git and without nodes",
  parents: () => ["interpreter"],
  shared: ["shared/finish.sh", "shared/compile-python.sh"],
  pins: (context) => ({ ComfyUI: context.comfyui?.commit ?? "" }),
  dockerfile: (_, context) =>
    [
      "# ComfyUI at its commit, fetched by BuildKit.",
      "FROM scratch AS source",
      ...(context.comfyui?.fetches ?? []).map((fetch) => `ADD ${gitAddress(fetch)} /${fetch.path}`),
      "",
      "FROM interpreter AS build",
      "ARG SOURCE_DATE_EPOCH",
      "RUN --mount=type=bind,target=/context \\",
      "    --mount=type=bind,from=source,target=/source \\",
      "    sh -eu /context/build.sh",
      "",
      "FROM scratch",
      "COPY --link --from=build /out /",
      "",
    ].join("\n"),
};
