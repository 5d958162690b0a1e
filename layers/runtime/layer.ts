import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ResolvedComfyUi } from "../../lib/comfyui/resolve-nodes.ts";
import { trimmablePackages } from "../../lib/gpu/trimming.ts";
import { fetchManifest, type LockedModel, modelPath } from "../../lib/locks/model-lock.ts";
import type { ResolvedModels } from "../../lib/models/resolve-models.ts";
import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import { instancePorts } from "../instance/layer.ts";

/** Where the recipe's own workflows are in the image, for the smoke test. */
const workflowsFolder = "/opt/strata/workflows";

export const runtime: Layer = {
  name: "runtime",
  summary:
    "entrypoint, process manager's configuration and the image's description; the last and smallest layer",
  parents: () => ["interpreter"],
  shared: ["shared/finish.sh"],
  generated: (context) => ({
    ...Object.fromEntries(
      Object.entries(context.models?.workflows ?? {}).map(([name, text]) => [
        `rootfs${workflowsFolder}/${name}`,
        text,
      ]),
    ),
    ...(context.models?.strategy === "volume"
      ? { "rootfs/opt/strata/models.json": volumeManifest(context.models.models) }
      : {}),
  }),
  listed: (installed, context) => ({
    "rootfs/opt/strata/image.json": `${JSON.stringify(imageDescription(context, installed), null, 2)}\n`,
    // For who installs packages later: nothing that the image has is replaced (the entrypoint hands it to pip and uv).
    ...(context.comfyui
      ? {
          "rootfs/opt/strata/constraints.txt": installed
            .map(({ name, version }) => `${name}==${version}\n`)
            .join(""),
        }
      : {}),
  }),
  owns: () => ["/opt/strata/runtime"],
};

const processes = "rootfs/opt/strata/runtime/supervisord.conf";

/** The same behind the one login (`door`): it runs beside the services, and none of these listens to the world. */
export const runtimeBehindDoor: Layer = {
  ...runtime,
  generated: (context) => ({
    ...runtime.generated?.(context),
    [processes]: behindDoor(readFileSync(join(import.meta.dirname, processes), "utf8")),
  }),
};

/** The process manager's configuration with the door in it. */
export function behindDoor(configuration: string): string {
  const changes = [
    ["files=%(ENV_STRATA_CONTROL)s", "files=%(ENV_STRATA_CONTROL)s /opt/strata/door/program.conf"],
    ["\nprograms=llama,", "\nprograms=door,llama,"],
    ["--host 0.0.0.0 ", "--host 127.0.0.1 "],
  ] as const;
  return changes.reduce((text, [before, after]) => {
    if (text.split(before).length !== 2) throw new Error(`${processes}: expected "${before}" once`);
    return text.replace(before, after);
  }, configuration);
}

/** What the services and the smoke test expect of the image they run in. */
function imageDescription(context: LayerContext, installed: Parameters<typeof trimmablePackages>[0]): object {
  const {
    recipe,
    generation,
    set,
    attention,
    llama,
    comfyui,
    models,
    runpod,
    instance,
    tensorrt,
    trim,
    door,
    python,
    buildTools,
  } = context;
  return {
    recipe,
    generation: generation.name,
    computeCapabilities: generation.computeCapabilities,
    minimumDriver: set.minimumDriver,
    cuda: set.cuda,
    torch: set.torch,
    attention,
    ...(trim ? { trimmed: trimmablePackages(installed).map(([name]) => name) } : {}),
    ...(llama.enabled
      ? {
          llama: {
            version: llama.pin.version,
            cuda: generation.computeCapabilities.length > 0,
            ...(llama.ui ? { ui: true } : {}),
          },
        }
      : {}),
    ...(comfyui ? { comfyui: describeComfyUi(comfyui) } : {}),
    ...(runpod ? { runpod } : {}),
    ...(instance ? { instance: { ports: instancePorts } } : {}),
    ...(tensorrt ? { tensorrt: true } : {}),
    ...(door ? { door } : {}),
    ...(buildTools ? { buildTools } : {}),
    ...(python.endsWith("t") ? { freeThreaded: true } : {}),
    ...(models ? { models: describeModels(models) } : {}),
  };
}

/**
 * The nodes that have to import, and those that are known not to. The commit of each stands in its own folder, so that
 * another one changes nothing here.
 */
function describeComfyUi({ version, commit, nodes }: ResolvedComfyUi): object {
  return {
    version,
    commit,
    nodes: nodes
      .filter(({ node }) => node.disabled === undefined)
      .map(({ folder, repository, group, node }) => ({
        folder,
        repository,
        group,
        ...(node.knownFailure === undefined ? {} : { knownFailure: node.knownFailure }),
        ...(node.needsGpu === undefined ? {} : { needsGpu: node.needsGpu }),
      })),
  };
}

/** What the start has to know of the models: where they come from, and which there ought to be. */
function describeModels({ strategy, background, models, workflows }: ResolvedModels): object {
  return {
    strategy,
    ...(strategy === "volume" ? { background } : {}),
    files: models.map((model) => modelPath(model)),
    ...(workflows ? { workflows: Object.keys(workflows).map((name) => `${workflowsFolder}/${name}`) } : {}),
  };
}

/**
 * What a container fetches. Files of nodes go to a folder of their own in the volume: beside a user's nodes, theirs
 * would be taken for one.
 */
function volumeManifest(models: readonly LockedModel[]): string {
  return fetchManifest(
    models.map((model) => ({
      ...model,
      folder: model.folder.replace(/^custom_nodes\//, ".strata/custom_nodes/"),
    })),
  );
}
