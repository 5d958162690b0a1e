import { runInstruction, stageDockerfile } from "../../lib/recipe/dockerfile.ts";
import { type Layer, type LayerContext, virtualEnvironment } from "../../lib/recipe/layer.ts";
import { servicesEnvironment } from "../services/layer.ts";

/** Programs of the services' environment that people call in a shell. */
const programs = ["jupyter", "supervisorctl", "tensorboard"];

/** Where people of other images look for things, and what may be done with each part. */
export const layout: Layer = {
  name: "layout",
  summary: "/venv/main, programs on the path, pip's constraints and the list of parts with their licences",
  parents: () => ["interpreter"],
  shared: ["shared/finish.sh"],
  args: () => ({
    ENVIRONMENT: virtualEnvironment,
    SERVICES: servicesEnvironment,
    PROGRAMS: programs.join(" "),
  }),
  generated: (context) => ({ "parts.md": partsList(context) }),
  owns: () => ["/venv"],
  dockerfile: () =>
    stageDockerfile([
      "# Links and a list.",
      "FROM interpreter AS build",
      ...["SOURCE_DATE_EPOCH", "ENVIRONMENT", "SERVICES", "PROGRAMS"].map((arg) => `ARG ${arg}`),
      runInstruction(["--network=none", "--mount=type=bind,target=/context"], "sh -eu /context/build.sh"),
    ]),
};

/** What is in the image, under which licence, and where its text and its source are. */
function partsList(context: LayerContext): string {
  const { comfyui, cloudflared, tensorrt, base } = context;
  return [
    "# Parts of this image",
    "",
    "Each is under a licence of its own, whose text is in the image. What is under the GPL is here as source.",
    "",
    "| part | licence | its text | source |",
    "| --- | --- | --- | --- |",
    `| ${base.name} and its packages | each its own | /usr/share/doc/*/copyright | its distribution's archive |`,
    `| Python packages | each its own | ${virtualEnvironment}/lib/python*/site-packages/*.dist-info, ${servicesEnvironment}/lib/python*/site-packages/*.dist-info | the package index |`,
    `| CUDA, cuDNN, NCCL | NVIDIA's, redistributable parts alone | ${virtualEnvironment}/lib/python*/site-packages/nvidia_*.dist-info | NVIDIA |`,
    // Without commits, so that another one does not make this stage anew.
    ...(comfyui
      ? [
          `| ComfyUI | GPL-3.0 | /opt/comfyui/LICENSE | ${comfyui.repository} at the commit in /opt/strata/image.json |`,
          ...comfyui.nodes.map(
            ({ name, folder }) =>
              `| ${name} | its own | /opt/comfyui/custom_nodes/${folder} | as strata-node.json there says |`,
          ),
        ]
      : []),
    ...(cloudflared
      ? [
          `| cloudflared ${cloudflared.version} | Apache-2.0 | /usr/share/doc/cloudflared/copyright | https://github.com/cloudflare/cloudflared |`,
        ]
      : []),
    ...(tensorrt
      ? [
          `| TensorRT | NVIDIA's | ${virtualEnvironment}/lib/python*/site-packages/tensorrt*.dist-info | NVIDIA |`,
        ]
      : []),
    "| strata's own files | Apache-2.0 | /usr/share/common-licenses/Apache-2.0 | the image's label org.opencontainers.image.source |",
    "",
  ].join("\n");
}
