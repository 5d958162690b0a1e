/** What a change rebuilds in the real recipes, and what it must never rebuild. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { llamaCpp } from "../../../layers/llama-cpp/layer.ts";
import { toolbox } from "../../../layers/toolbox/layer.ts";
import { gitRepositoryName, nodeFolder } from "../../../lib/comfyui/custom-nodes.ts";
import { generationNames } from "../../../lib/gpu/generations.ts";
import type { NodeLock } from "../../../lib/locks/node-lock.ts";
import { closure, type PythonLock, requirementName } from "../../../lib/locks/python-lock.ts";
import type { Recipe } from "../../../lib/recipe/recipe.ts";
import { wheelBuildRequirements } from "../../../lib/recipe/source-build.ts";
import { type RecipeName, recipeNames, recipes } from "../../../recipes/index.ts";
import { keysOf } from "../../support/layers.ts";
import { commitOf } from "../../support/nodes.ts";
import {
  committedNodes,
  committedPackages,
  contextOf,
  moved,
  planSampleStack,
  type SampleStack,
} from "../../support/stacks.ts";

const withComfyUi = recipeNames.filter((name) => recipes[name].comfyui);

/** The stages that a change gives another key, the product included. */
function rebuilt(before: SampleStack, after: Partial<SampleStack>): string[] {
  const [old, now] = [keysOf(planSampleStack(before)), keysOf(planSampleStack({ ...before, ...after }))];
  return Object.keys({ ...old, ...now })
    .filter((name) => old[name] !== now[name])
    .sort();
}

/** The lock with other commits of these repositories. */
function otherCommits(isMoved: (name: string) => boolean): NodeLock {
  const { repositories, packages } = committedNodes();
  const changed = Object.entries(repositories).map(([name, checkout]) => [
    name,
    isMoved(name) ? { ...checkout, commit: commitOf(`another ${name}`) } : checkout,
  ]);
  return { repositories: Object.fromEntries(changed), packages };
}

/** The packages that a stage installs. */
function packagesOf(recipe: RecipeName, stage: string): string[] {
  const { inputs = {} } = planSampleStack({ recipe }).stages.find(({ name }) => name === stage) ?? {};
  return Object.keys(inputs)
    .filter((input) => input.startsWith("package:"))
    .map((input) => input.slice("package:".length));
}

/** What the toolbox holds, with what that needs: another compiler does rebuild what it compiled. */
function toolsOf(recipe: RecipeName, lock: PythonLock, more: readonly string[] = []): Set<string> {
  const { build = [] } = toolbox.python?.(contextOf({ recipe })) ?? {};
  return closure(lock, [...build, ...more].map(requirementName), "the lock");
}

for (const recipe of withComfyUi) {
  for (const { name: group, nodes } of recipes[recipe].comfyui?.groups ?? []) {
    test(`${recipe}: another commit of a node of "${group}" rebuilds that group alone`, () => {
      const [node] = nodes.filter(({ disabled }) => disabled === undefined);
      assert.ok(node);
      const changed = otherCommits((name) => name === gitRepositoryName(node.repository));
      const expected = [recipe, `nodes-${group}`].sort();
      assert.deepEqual(rebuilt({ recipe }, { nodes: changed }), expected, nodeFolder(node));
    });
  }

  test(`${recipe}: another commit of every node rebuilds no packages`, () => {
    const main = gitRepositoryName(recipes[recipe].comfyui?.source.repository ?? "");
    const changed = rebuilt({ recipe }, { nodes: otherCommits((name) => name !== main) });
    const groups = recipes[recipe].comfyui?.groups.map(({ name }) => `nodes-${name}`) ?? [];
    assert.deepEqual(changed, [recipe, ...groups].sort());
  });

  test(`${recipe}: another commit of ComfyUI rebuilds ComfyUI, and what lists the commits`, () => {
    const main = gitRepositoryName(recipes[recipe].comfyui?.source.repository ?? "");
    const changed = otherCommits((name) => name === main);
    assert.deepEqual(
      rebuilt({ recipe }, { nodes: changed }),
      [recipe, "comfyui", "runtime", "verify"].sort(),
    );
  });
}

test("megapak: another commit of a node that is switched off rebuilds its group, and nothing lists it", () => {
  const changed = otherCommits((name) => name === "welltop-cn/ComfyUI-TeaCache");
  assert.deepEqual(rebuilt({ recipe: "megapak" }, { nodes: changed }), ["megapak", "nodes-more"]);
});

test("megapak: another version of a package of pak5 rebuilds pak5, and what lists the versions", () => {
  const lock = committedPackages("megapak");
  assert.ok(packagesOf("megapak", "pak5").includes("addict"));
  const packages = moved(lock, ({ name }) => name === "addict");
  assert.deepEqual(rebuilt({ recipe: "megapak" }, { packages }), ["megapak", "pak5", "runtime", "verify"]);
});

test("megapak: other versions of all packages of pak5 rebuild pak5 with its wheels, and what lists the versions", () => {
  const lock = committedPackages("megapak");
  const tools = toolsOf("megapak", lock, wheelBuildRequirements);
  const own = packagesOf("megapak", "pak5").filter((name) => !tools.has(name));
  assert.ok(own.length > 80, "pak5 has packages at all");
  const fromSource = own.filter((name) => lock.get(name)?.fromSource).map((name) => `wheel-${name}`);
  const packages = moved(lock, ({ name }) => own.includes(name));
  const expected = ["megapak", "pak5", "runtime", "verify", ...fromSource].sort();
  assert.deepEqual(rebuilt({ recipe: "megapak" }, { packages }), expected);
});

const withLlama = recipeNames.filter((name) => recipes[name].layers.includes(llamaCpp));

/** Everything that an edit of ComfyUI's part can change: commits, requirements, the nodes themselves. */
function otherComfyUi(recipe: RecipeName): { nodes: NodeLock; edited: Recipe } {
  const { repositories, packages } = otherCommits(() => true);
  const asking = Object.entries(repositories).map(([name, checkout]) => [
    name,
    { ...checkout, requirements: { "requirements.txt": ["requests"] } },
  ]);
  const { comfyui, ...rest } = recipes[recipe];
  const groups = comfyui?.groups.slice(1).map((group) => ({
    ...group,
    nodes: group.nodes.slice(1).map(({ replace, ...node }) => node),
  }));
  const edited = comfyui ? { ...rest, comfyui: { ...comfyui, groups: groups ?? [] } } : rest;
  return { nodes: { repositories: Object.fromEntries(asking), packages }, edited };
}

for (const recipe of withLlama) {
  test(`${recipe}: no Python package compiles llama.cpp for the CPU again, and no Python does`, () => {
    const lock = committedPackages(recipe);
    const tools = toolsOf(recipe, lock);
    const changed = rebuilt({ recipe }, { packages: moved(lock, ({ name }) => !tools.has(name)) });
    assert.ok(changed.includes("torch") && changed.includes("backend"));
    assert.ok(!changed.includes("llama-cpp"), "it is compiled again");
    const stage = planSampleStack({ recipe }).stages.find(({ name }) => name === "llama-cpp");
    const { python } = contextOf({ recipe });
    assert.ok(
      stage && !Object.values(stage.args).some((value) => value.includes(python)),
      "it knows the Python",
    );
  });

  test(`${recipe}: only CUDA's own packages compile llama.cpp for a GPU again`, () => {
    const lock = committedPackages(recipe);
    const tools = toolsOf(recipe, lock);
    const isOther = (name: string) => !tools.has(name) && !/^(nvidia-|cuda-)/.test(name);
    const packages = moved(lock, ({ name }) => isOther(name));
    const changed = rebuilt({ recipe, generation: "ada" }, { packages });
    assert.ok(changed.includes("torch"));
    assert.ok(!changed.includes("llama-cpp"));
  });
}

for (const recipe of withLlama.filter((name) => withComfyUi.includes(name))) {
  test(`${recipe}: nothing of ComfyUI compiles llama.cpp again, for any generation`, () => {
    for (const generation of generationNames) {
      const changed = rebuilt({ recipe, generation }, otherComfyUi(recipe));
      assert.ok(changed.includes("node-packages") && changed.includes("comfyui"), generation);
      assert.ok(!changed.includes("llama-cpp"), generation);
    }
  });
}
