import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../../home.ts";
import { comfyui } from "../../../layers/comfyui/layer.ts";
import { nodeGroup } from "../../../layers/nodes/layer.ts";
import type { ComfyUi } from "../../../lib/comfyui/custom-nodes.ts";
import { resolveComfyUi } from "../../../lib/comfyui/resolve-nodes.ts";
import type { NodeLock } from "../../../lib/locks/node-lock.ts";
import { readFolder } from "../../../lib/plan/context-files.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { context, plan, sampleLayer, sampleRecipe } from "../../support/layers.ts";
import { smallLayers } from "./small-layers.ts";

/** What decides the nodes of a test: the file `comfyui.json` among its layers. */
export interface ComfyUiChoices {
  readonly comfyui: ComfyUi;
  readonly nodes: NodeLock;
  readonly mirrors: Readonly<Record<string, string>>;
}

/** The real layers of ComfyUI and its nodes, as they are in the repository. */
const realLayers = Object.fromEntries(
  ["comfyui", "nodes", "shared"].flatMap((name) =>
    readFolder(join(repository, "layers", name), name).map(({ source, content }) => [
      source,
      content.toString(),
    ]),
  ),
);

/** Stages that an install.py may import from; one of them holds a module. */
const packageStages = ["cuda", "torch", "comfyui-packages", "node-packages"];
const standIn = 'NAME = "stand-in"\n';

const pythonAlone = [
  "FROM base",
  "RUN apt-get -qq update \\",
  " && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends python3 >/dev/null",
  "",
].join("\n");

/** Files of the small ComfyUI product: the real layers, on tools that have Python and nothing else. */
export const smallComfyUi: Readonly<Record<string, string>> = {
  ...realLayers,
  "certificates.pem": smallLayers["certificates.pem"] ?? "",
  "system/Dockerfile": smallLayers["system/Dockerfile"] ?? "",
  "interpreter/Dockerfile": pythonAlone,
  "toolbox/Dockerfile": pythonAlone,
  ...Object.fromEntries(
    packageStages.map((name) => [
      `${name}/Dockerfile`,
      `FROM scratch\nCOPY stand_in.py /opt/venv/lib/python${context.python}/site-packages/${name.replace("-", "_")}.py\n`,
    ]),
  ),
  ...Object.fromEntries(packageStages.map((name) => [`${name}/stand_in.py`, standIn])),
};

/** The plan of the small ComfyUI product. */
export function smallComfyUiPlan(folder: string, base: string): Plan {
  const choices: ComfyUiChoices = JSON.parse(readFileSync(join(folder, "comfyui.json"), "utf8"));
  const layers = [
    sampleLayer("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) }),
    ...packageStages.map((name) => sampleLayer(name)),
    comfyui,
    ...choices.comfyui.groups.map(nodeGroup),
  ];
  const tools = ["interpreter", "toolbox"].map((name) => sampleLayer(name, [], { role: "build" }));
  return plan(
    folder,
    { ...sampleRecipe(layers, tools), name: "small" },
    {},
    {
      ...context,
      base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" },
      comfyui: resolveComfyUi(choices.comfyui, choices.nodes, choices.mirrors),
    },
  );
}
