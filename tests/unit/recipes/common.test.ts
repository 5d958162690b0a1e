/** What the recipes' images say of how they run: their environment, for the driver and for who opens a shell in them. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import { type RecipeName, recipeNames, recipes } from "../../../recipes/index.ts";
import { contextOf } from "../../support/stacks.ts";

const environmentOf = (recipe: RecipeName) => recipes[recipe].runtime(contextOf({ recipe })).environment;
const withComfyUi = recipeNames.filter((name) => recipes[name].comfyui !== undefined);

for (const recipe of recipeNames) {
  test(`${recipe}: the driver is asked for what the image uses, and no host is refused before the image can speak`, () => {
    const environment = environmentOf(recipe);
    const capabilities = withComfyUi.includes(recipe) ? "compute,utility,video" : "compute,utility";
    assert.equal(environment.NVIDIA_DRIVER_CAPABILITIES, capabilities);
    assert.deepEqual(
      Object.keys(environment).filter((name) => name.startsWith("NVIDIA_REQUIRE")),
      [],
    );
  });
}

// A rented machine's pip is its environment's own.
for (const recipe of withComfyUi.filter((name) => name !== "vast")) {
  test(`${recipe}: pip of a shell in the container is the image's own, under its constraints`, () => {
    const { PATH = "", PIP_CONSTRAINT, UV_CONSTRAINT } = environmentOf(recipe);
    const [first = ""] = PATH.split(":");
    for (const name of ["pip", "pip3"]) {
      assert.ok(existsSync(join(repository, "layers/runtime/rootfs", first, name)), `${first}/${name}`);
    }
    const file = "/opt/strata/constraints.txt";
    assert.deepEqual([PIP_CONSTRAINT, UV_CONSTRAINT], [file, file]);
    const runtime = recipes[recipe].layers.find(({ name }) => name === "runtime");
    assert.ok(Object.keys(runtime?.listed?.([], contextOf({ recipe })) ?? {}).includes(`rootfs${file}`));
  });
}

test("vast: pip of a shell is that of /venv/main, and its constraints are no variable, which the platform's pip would heed", () => {
  const { PATH = "", PIP_CONSTRAINT, UV_CONSTRAINT, VIRTUAL_ENV } = environmentOf("vast");
  assert.deepEqual(PATH.split(":").slice(0, 2), ["/opt/instance-tools/bin", "/venv/main/bin"]);
  assert.deepEqual([VIRTUAL_ENV, PIP_CONSTRAINT], ["/venv/main", undefined]);
  const file = "/opt/strata/constraints.txt";
  assert.equal(UV_CONSTRAINT, file);
  assert.match(
    readFileSync(join(repository, "layers/layout/build.sh"), "utf8"),
    new RegExp(`constraint = ${file}`),
  );
  const runtime = recipes.vast.layers.find(({ name }) => name === "runtime");
  assert.ok(
    Object.keys(runtime?.listed?.([], contextOf({ recipe: "vast" })) ?? {}).includes(`rootfs${file}`),
  );
});

test("starter has no pip of its own on PATH: there is no volume to install into", () => {
  assert.match(environmentOf("starter").PATH ?? "", /^\/opt\/venv\/bin:/);
});
