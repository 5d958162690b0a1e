import assert from "node:assert/strict";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { planProblems } from "../../../../lib/plan/plan-problems.ts";
import type { Layer } from "../../../../lib/recipe/layer.ts";
import { context, layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";

test("all mistakes of a recipe are told together, each with layer and file", (t) => {
  const folder = layersFolder(t, { "a/Dockerfile": "FROM x\n", "b/Dockerfile": "FROM x\n" });
  const broken = sampleRecipe([
    sampleLayer("a", ["nobody"], { owns: () => ["/opt/x"] }),
    sampleLayer("b", [], { owns: () => ["/opt/x/y"], shared: ["shared/gone.sh"] }),
    sampleLayer("c"),
    sampleLayer("c"),
  ]);
  assert.throws(
    () => plan(folder, broken),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      const text = error.message;
      for (const expected of [
        /layers\/a\/layer\.ts: needs the layer "nobody"/,
        /c: is listed twice/,
        /layers\/c\/Dockerfile: does not exist, but layer "c" needs it/,
        /layers\/shared\/gone\.sh: does not exist, but layer "b" needs it/,
        /layers\/b\/layer\.ts: owns \/opt\/x\/y, but layer "a" owns \/opt\/x/,
      ]) {
        assert.match(text, expected);
      }
      return true;
    },
  );
});

test("a recipe may not have the name of one of its layers", (t) => {
  const folder = layersFolder(t, { "test/Dockerfile": "FROM x\n" });
  assert.throws(
    () => plan(folder, sampleRecipe([sampleLayer("test")])),
    /test: is the name of a recipe and of a layer/,
  );
});

test("a folder belongs to one layer, and so does all that is in it; a name that only begins alike is another", (t) => {
  const folder = layersFolder(t, { "a/Dockerfile": "FROM x\n", "b/Dockerfile": "FROM x\n" });
  const problems = (mine: string[], theirs: string[] | undefined) => {
    const layers = [
      sampleLayer("a", [], { owns: () => mine }),
      sampleLayer("b", [], theirs ? { owns: () => theirs } : {}),
    ];
    const found = planProblems({ recipe: "r", context, layers, inImage: layers, layersFolder: folder });
    return found.map(({ path, problem }) => `${path} ${problem}`);
  };
  for (const [one, two] of [
    ["/opt/x", "/opt/x"],
    ["/opt/x", "/opt/x/y"],
    ["/opt/x/y", "/opt/x"],
  ] as const)
    assert.deepEqual(problems([one], [two]), [`layers/b/layer.ts owns ${two}, but layer "a" owns ${one}.`]);
  assert.deepEqual(problems(["/opt/x"], ["/opt/xy"]), []);
  assert.deepEqual(problems(["/opt/x", "/opt/x/y"], undefined), []);
});

test("what is missing is told once for each: a layer, a file, a name; what is there is not", (t) => {
  const folder = layersFolder(t, { "a/Dockerfile": "FROM x\n", "shared/s.sh": "" });
  const told = (...layers: Layer[]) =>
    planProblems({ recipe: "r", context, layers, inImage: [], layersFolder: folder }).map(({ path }) => path);
  const a = sampleLayer("a", [], { shared: ["shared/s.sh"] });
  const made = sampleLayer("made", ["a"], { dockerfile: () => "FROM x\n" });
  assert.deepEqual(told(a, made), []);
  assert.deepEqual(told(made), ["layers/made/layer.ts"]);
  assert.deepEqual(told(a, a, a), ["a"]);
  assert.deepEqual(told(sampleLayer("b", [], { shared: ["shared/t.sh"] })), [
    "layers/b/Dockerfile",
    "layers/shared/t.sh",
  ]);
  assert.deepEqual(told({ ...made, name: "r", parents: () => [] }), ["r"]);
});

test("a stage that asks for a device of the builder is refused, wherever in its RUN it does", (t) => {
  const told = (dockerfile: string) => {
    const folder = layersFolder(t, { "a/Dockerfile": dockerfile });
    const layers = [sampleLayer("a")];
    return planProblems({ recipe: "r", context, layers, inImage: layers, layersFolder: folder }).map(String);
  };
  const refused = /layers\/a\/Dockerfile: asks for a device of the builder/;
  assert.match(told("FROM base\nRUN --device=nvidia.com/gpu=all true\n")[0] ?? "", refused);
  assert.match(
    told("FROM base\nrun --network=none \\\n    --device nvidia.com/gpu true\n")[0] ?? "",
    refused,
  );
  assert.deepEqual(told("FROM base\nRUN nvcc --device=sm_89 a.cu\nRUN --network=none true --device\n"), []);
});
