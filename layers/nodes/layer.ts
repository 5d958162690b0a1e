import { type Component, repositoryComponents } from "../../lib/bill/component.ts";
import { filePurl } from "../../lib/bill/purl.ts";
import type { NodeGroup } from "../../lib/comfyui/custom-nodes.ts";
import type { ResolvedNode } from "../../lib/comfyui/resolve-nodes.ts";
import { addFile, addGit, runInstruction, stageMounts } from "../../lib/recipe/dockerfile.ts";
import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import { comfyuiFolder } from "../comfyui/layer.ts";

/** What an `install.py` runs in, and the stages with the packages that it may import. */
const installParents = ["toolbox", "cuda", "torch", "comfyui-packages", "node-packages"];

/** A group of custom nodes: their files at their commits. */
export function nodeGroup({ name, summary }: Pick<NodeGroup, "name" | "summary">): Layer {
  const nodes = (context: LayerContext): readonly ResolvedNode[] =>
    context.comfyui?.nodes.filter(({ group }) => group === name) ?? [];
  const runsScripts = (context: LayerContext) => nodes(context).some(({ node }) => node.install);
  return {
    name: `nodes-${name}`,
    folder: "nodes",
    summary,
    parents: (context) => ["interpreter", ...(runsScripts(context) ? installParents : [])],
    shared: ["shared/finish.sh", "shared/compile-python.sh"],
    args: ({ python }) => ({ PYTHON: python }),
    pins: (context) => Object.fromEntries(nodes(context).map((node) => [node.folder, pinOf(node)])),
    cachesSteps: true,
    generated: (context) =>
      Object.fromEntries(
        nodes(context).map((node) => [
          descriptionOf(node),
          `${JSON.stringify(description(node), null, 2)}\n`,
        ]),
      ),
    owns: (context) => nodes(context).map(({ folder }) => `${comfyuiFolder}/custom_nodes/${folder}`),
    components: (context) => nodes(context).flatMap(nodeComponents),
    dockerfile: (_, context) => nodesDockerfile(nodes(context), runsScripts(context)),
  };
}

/** The node, its submodules, and the files that its installation is given. */
function nodeComponents(resolved: ResolvedNode): Omit<Component, "stage">[] {
  const { name, folder, node } = resolved;
  const path = `${comfyuiFolder}/custom_nodes/${folder}`;
  return [
    ...repositoryComponents(name, resolved, path),
    ...(node.install?.fetches ?? []).map((file) => ({
      kind: "file" as const,
      name: `${name}/${file.path}`,
      version: file.sha256.slice(0, 12),
      purl: filePurl(file.path.split("/").at(-1) ?? file.path, file.url, file.sha256),
      hashes: [`sha256:${file.sha256}`],
      paths: [`${path}/${file.path}`],
    })),
  ];
}

function pinOf({ fetches }: ResolvedNode): string {
  return fetches.map(({ commit }) => commit).join(" ");
}

/** A file of its own, so that a node that moves leaves the steps of the others as they are. */
function descriptionOf({ folder }: ResolvedNode): string {
  return `nodes/${folder}.json`;
}

/** What assembling has to know of a node; where it comes from is its metadata in the image. */
function description({ folder, repository, commit, version, node }: ResolvedNode): object {
  return { folder, repository, commit, version, runInstall: node.install !== undefined };
}

/**
 * BuildKit fetches each source at its commit; nothing in a RUN has a network. Each node has steps of its own, which the
 * cache in the registry holds: also on an empty builder only a node that moved is fetched and compiled.
 */
function nodesDockerfile(nodes: readonly ResolvedNode[], runsScripts: boolean): string {
  return [
    "# Custom nodes at their commits, submodules at theirs; steps of its own for each.",
    ...tools("interpreter"),
    ...(runsScripts ? tools("toolbox") : []),
    ...nodes.flatMap((node, index) => nodeSteps(node, stepName(node, index))),
    "FROM scratch AS nodes",
    ...nodes.map((node, index) => `COPY --link --from=${stepName(node, index)} /out /`),
    "",
    "# One layer, however many nodes.",
    "FROM scratch",
    "COPY --link --from=nodes / /",
    "",
  ].join("\n");
}

function tools(from: string): string[] {
  return [
    `FROM ${from} AS ${from}-tools`,
    "ARG SOURCE_DATE_EPOCH",
    "ARG PYTHON",
    "COPY build.sh assemble.py compile-python.sh finish.sh /context/",
    "",
  ];
}

function nodeSteps(node: ResolvedNode, step: string): string[] {
  const {
    folder,
    fetches,
    node: { install },
  } = node;
  const options = [
    `--network=none --mount=type=bind,from=${step}-source,target=/source`,
    `--mount=type=bind,source=${descriptionOf(node)},target=/node.json`,
    ...(install ? stageMounts(installParents) : []),
  ];
  return [
    `FROM scratch AS ${step}-source`,
    ...fetches.map((fetch) => addGit(fetch, fetch.path)),
    ...(install?.fetches ?? []).map((file) => addFile(file, file.path)),
    `FROM ${install ? "toolbox" : "interpreter"}-tools AS ${step}`,
    runInstruction(options, `["sh", "-eu", "/context/build.sh", ${JSON.stringify(folder)}]`),
    "",
  ];
}

/** Readable in a build's log; the number keeps two apart that differ in case only. */
function stepName({ folder }: ResolvedNode, index: number): string {
  return `node-${index + 1}-${folder.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
}
