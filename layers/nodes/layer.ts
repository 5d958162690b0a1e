import type { NodeGroup, ResolvedNode } from "../../lib/comfyui.ts";
import type { Layer, LayerContext } from "../../lib/layer.ts";
import { gitAddress } from "../../lib/source-packages.ts";
import { comfyuiFolder } from "../comfyui/layer.ts";

/** Stages with the packages that an `install.py` may import. */
const installParents = ["cuda", "torch", "comfyui-packages", "node-packages"];

/** A group of custom nodes: their files at their commits. */
export function nodeGroup({ name, summary }: Pick<NodeGroup, "name" | "summary">): Layer {
  const nodes = (context: LayerContext): readonly ResolvedNode[] =>
    context.comfyui?.nodes.filter(({ group }) => group === name) ?? [];
  const runsScripts = (context: LayerContext) => nodes(context).some(({ node }) => node.install);
  return {
    name: `nodes-${name}`,
    folder: "nodes",
    summary,
    parents: (context) => ["toolbox", ...(runsScripts(context) ? installParents : [])],
    shared: ["shared/finish.sh", "shared/compile-python.sh"],
    args: ({ python }) => ({ PYTHON: python }),
    pins: (context) => Object.fromEntries(nodes(context).map((node) => [node.folder, pinOf(node)])),
    generated: (context) => ({
      "nodes.json": `${JSON.stringify(nodes(context).map(description), null, 2)}\n`,
    }),
    owns: (context) => nodes(context).map(({ folder }) => `${comfyuiFolder}/custom_nodes/${folder}`),
    dockerfile: (parents, context) => nodesDockerfile(nodes(context), parents),
  };
}

function pinOf({ fetches }: ResolvedNode): string {
  return fetches.map(({ commit }) => commit).join(" ");
}

/** What assembling has to know of a node; where it comes from is its metadata in the image. */
function description({ folder, repository, commit, version, node }: ResolvedNode): object {
  return { folder, repository, commit, version, runInstall: node.install !== undefined };
}

/** BuildKit fetches each source at its commit; nothing in a RUN has a network. */
function nodesDockerfile(nodes: readonly ResolvedNode[], parents: readonly string[]): string {
  const mounts = parents
    .filter((parent) => parent !== "toolbox")
    .map((parent) => `--mount=type=bind,from=${parent},target=/stages/${parent}`);
  return [
    "# Custom nodes at their commits, submodules at theirs.",
    "FROM scratch AS sources",
    ...nodes.flatMap(({ folder, fetches, node }) => [
      ...fetches.map((fetch) => `ADD ${gitAddress(fetch)} /${folder}/${fetch.path}`),
      ...(node.install?.fetches ?? []).map(
        ({ url, sha256, path }) => `ADD --checksum=sha256:${sha256} ${url} /${folder}/${path}`,
      ),
    ]),
    "",
    "FROM toolbox AS build",
    "ARG SOURCE_DATE_EPOCH",
    "ARG PYTHON",
    `RUN --network=none ${["--mount=type=bind,target=/context", "--mount=type=bind,from=sources,target=/sources", ...mounts, "sh -eu /context/build.sh"].join(" \\\n    ")}`,
    "",
    "FROM scratch",
    "COPY --link --from=build /out /",
    "",
  ].join("\n");
}
