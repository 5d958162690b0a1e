/** An interpreter of the image's own: what is built with it, and that nothing changes where the base brings the right one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import type { PythonVersion } from "../../../lib/gpu/compatibility.ts";
import type { Stage } from "../../../lib/plan/plan.ts";
import { builtInRecipe, type RecipeName, recipeNames } from "../../../recipes/index.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { sampleLabels } from "../../support/layers.ts";

function planOf(
  recipe: RecipeName,
  base: string,
  python: PythonVersion,
  from: "standalone" | "source" = "standalone",
) {
  const choices = {
    recipe,
    base,
    python,
    selected: builtInRecipe(recipe),
    generation: "cpu" as const,
    cuda: "13.0" as const,
    attention: ["triton" as const],
    wheels: {},
    llama: { enabled: true, source: "sdist" as const, ui: true, vmm: true },
    mirrors: {},
    tags: [],
    cpython: { from },
  };
  return planStack(choices, { root: repository, localImages: "none.json" }, sampleLabels);
}

const named = (stages: readonly Stage[], name: string): Stage => {
  const stage = stages.find((each) => each.name === name);
  assert.ok(stage, name);
  return stage;
};

/** What llama.cpp's Dockerfile can do without when there is no CUDA. */
const withoutCuda = ["CUDA_VMM", "SITE_PACKAGES", "build-requirements.txt"];

for (const recipe of recipeNames) {
  test(`${recipe}: with an interpreter of its own every stage can be built, and builds call that one`, () => {
    for (const from of ["standalone", "source"] as const) {
      const { plan, bill } = planOf(recipe, "debian-bookworm", "3.12", from);
      // Their packages of the distribution are what the image was built with.
      assert.deepEqual(
        bill.stages.flatMap(({ name, onBase }) => (onBase ? [name] : [])),
        ["interpreter", "toolbox"],
      );
      const problems = plan.stages.flatMap((stage) =>
        stageProblems(stage, stage.name === "llama-cpp" ? withoutCuda : []),
      );
      assert.deepEqual(problems, []);
      for (const builder of ["toolbox", "interpreter"]) {
        const stage = named(plan.stages, builder);
        assert.deepEqual([stage.parents, stage.onBase], [["cpython"], true]);
        const dockerfile = stage.files.find(({ path }) => path === "Dockerfile")?.content.toString() ?? "";
        assert.match(dockerfile, /COPY --link --from=cpython [\s\S]*settled\.sh \/context\/use-cpython\.sh/);
      }
      assert.ok(plan.product.parents.includes("cpython"));
      assert.ok(named(plan.stages, "verify").parents.includes("cpython"));
      const component = plan.components.find(({ name }) => name === "cpython");
      assert.match(component?.version ?? "", /^3\.12\.\d+$/);
    }
  });
}

test("the base decides nothing but its own packages: one interpreter for all of them", () => {
  const pins = ["debian-bookworm", "debian-trixie", "debian-forky", "ubuntu-24.04"].map((base) => {
    const { inputs } = named(planOf("starter", base, "3.14t").plan.stages, "cpython");
    return inputs["pin:cpython"];
  });
  assert.match(pins[0] ?? "", /^3\.14\.\d+ [0-9a-f]{64}$/);
  assert.equal(new Set(pins).size, 1);
});

test("where the base brings the Python there is no other, and no stage knows of one", () => {
  const { plan } = planOf("starter", "debian-trixie", "3.13");
  assert.equal(
    plan.stages.some(({ name }) => name === "cpython"),
    false,
  );
  for (const { inputs } of plan.stages) assert.ok(!JSON.stringify(inputs).includes("cpython"));
});

test("only a Python without the GIL is asked whether it stays so", () => {
  const described = (python: PythonVersion) => {
    const { files } = named(planOf("starter", "debian-bookworm", python).plan.stages, "runtime");
    const text = files.find(({ path }) => path.endsWith("/image.json"))?.content.toString() ?? "";
    return JSON.parse(text).freeThreaded;
  };
  assert.deepEqual([described("3.14"), described("3.14t")], [undefined, true]);
});
