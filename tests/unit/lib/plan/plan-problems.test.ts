import assert from "node:assert/strict";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";

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
