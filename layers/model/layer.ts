import { filePurl } from "../../lib/bill/purl.ts";
import { fetchManifest, type LockedModel, modelPath } from "../../lib/locks/model-lock.ts";
import type { ModelLayer } from "../../lib/models/packing.ts";
import { runInstruction } from "../../lib/recipe/dockerfile.ts";
import type { Layer } from "../../lib/recipe/layer.ts";
import { comfyuiFolder } from "../comfyui/layer.ts";

/** A stage of models: one large file, or what shares a layer, where ComfyUI and its nodes look for it. */
export function modelLayer({ name, models }: ModelLayer<LockedModel>): Layer {
  return {
    name,
    folder: "model",
    summary: `${models.map((model) => model.name).join(", ")}: no other model's change pushes it again`,
    bulk: true,
    parents: () => ["model-tools"],
    shared: ["shared/trust.sh"],
    pins: () => Object.fromEntries(models.map((model) => [modelPath(model), model.sha256])),
    generated: () => ({ "models.json": fetchManifest(models) }),
    owns: () =>
      models
        .filter(({ folder }) => folder.startsWith("models/"))
        .map((model) => `${comfyuiFolder}/${modelPath(model)}`),
    components: () =>
      models.map((model) => ({
        kind: "file",
        name: modelPath(model),
        version: model.sha256.slice(0, 12),
        purl: filePurl(model.name.split("/").at(-1) ?? model.name, model.url, model.sha256),
        hashes: [`sha256:${model.sha256}`],
        licence: model.licence,
        paths: [`${comfyuiFolder}/${modelPath(model)}`],
        ...(model.gated === true && {
          comment: "Its source gives it to those alone who accepted its licence.",
        }),
      })),
    dockerfile: () => modelDockerfile(name),
  };
}

/**
 * The files are written where they belong, on top of the tools: of this image only the last layer counts. A copy of it
 * into an empty image, as other stages end with, would need the room for another copy of the model.
 *
 * The name behind the script is how the builder's records of this stage are found, to be freed after the push.
 */
function modelDockerfile(name: string): string {
  const mounts = [
    ...["ca", "hf_token", "civitai_token"].map((id) => `--mount=type=secret,id=${id}`),
    "--mount=type=cache,id=strata-models,target=/cache",
    "--mount=type=bind,target=/context",
  ];
  return [
    "# Models at their hashes. What has arrived is kept in a cache mount until it is whole.",
    "FROM model-tools",
    "ARG SOURCE_DATE_EPOCH",
    runInstruction(mounts, `sh -eu /context/build.sh ${name}`),
    "",
  ].join("\n");
}
