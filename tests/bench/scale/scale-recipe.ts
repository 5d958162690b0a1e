/** A recipe of as many stages and nodes as wanted, on top of the small one: each stage is a group of nodes. */
import { join } from "node:path";
import { repository } from "../../../home.ts";
import { formatNodeLock, joinNodeLocks, type NodeLock, nodeLockPath } from "../../../lib/locks/node-lock.ts";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import { findRecipe } from "../../../recipes/index.ts";
import { externalPythonLocks } from "../../../tools/lock/external-recipe.ts";
import { finish } from "../../integration/support/small-layers.ts";
import { writeSmallRecipe } from "../../integration/support/small-recipe.ts";
import { writeFile } from "../../support/layers.ts";
import { checkout } from "../../support/nodes.ts";
import { committedNodes } from "../../support/stacks.ts";

export interface Scale {
  readonly stages: number;
  readonly nodes: number;
}

/** Stages that the small recipe has anyway. */
const smallStages = 3;

/** What a stage of nodes really has, but for its sources: its nodes' commits and descriptions, and no network. */
const text = (groups: unknown) => `
import { nodeGroup } from ${JSON.stringify(join(repository, "layers/nodes/layer.ts"))};
import { recipe as small } from "./small/recipe.mjs";

const groups = ${JSON.stringify(groups, null, 1)};
const layers = groups.map((group) => ({
  ...nodeGroup(group),
  parents: () => ["system"],
  dockerfile: () => ${JSON.stringify(
    [
      "FROM system AS build",
      "ARG SOURCE_DATE_EPOCH",
      "COPY nodes /out/opt/GROUP",
      `RUN --network=none ${finish}`,
    ].join("\n"),
  )}.replace("GROUP", group.name),
}));
export const recipe = {
  ...small,
  name: "scale",
  defaults: { tags: ["scale-{generation}"] },
  comfyui: { source: { repository: "https://github.com/Comfy-Org/ComfyUI", ref: "v0.33.0" }, groups },
  layers: [...small.layers, ...layers],
};
`;

/** Writes the recipe with its layers and locks, and returns its file. */
export async function writeScaleRecipe(folder: string, { stages, nodes }: Scale): Promise<string> {
  await writeSmallRecipe(join(folder, "small"));
  const all = Array.from({ length: nodes }, (_, index) => `https://github.com/bench/node-${index}`);
  const count = stages - smallStages;
  const groups = Array.from({ length: count }, (_, index) => ({
    name: `group-${index}`,
    summary: `group ${index}`,
    nodes: all.filter((_, node) => node % count === index).map((address) => ({ repository: address })),
  }));
  // A name for each size: Node keeps the modules that it has loaded.
  const file = join(folder, `recipe-${stages}-${nodes}.ts`);
  writeFile(folder, "package.json", '{"type": "module"}');
  writeFile(folder, `recipe-${stages}-${nodes}.ts`, text(groups));
  const lock: NodeLock = {
    repositories: Object.fromEntries(
      all.map((address) => {
        const name = address.slice(19);
        return [name, checkout(name, { repository: address })];
      }),
    ),
    packages: {},
  };
  writeFile(folder, nodeLockPath, formatNodeLock(lock));
  const { recipe } = await findRecipe(file);
  for (const name of externalPythonLocks({ recipe, folder })) {
    const inputs = lockInputs(recipe, name, joinNodeLocks(committedNodes(), lock));
    writeFile(folder, lockPath(name), lockHeader(name, recipe, inputs, ""));
  }
  return file;
}
