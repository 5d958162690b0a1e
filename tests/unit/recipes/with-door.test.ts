/** `strata:door`: what it adds to a recipe's image, and that nothing of an image without it moves. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { UserError } from "../../../errors.ts";
import { repository } from "../../../home.ts";
import { caddyVersion } from "../../../layers/caddy/layer.ts";
import { behindDoor, runtime } from "../../../layers/runtime/layer.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { recipes } from "../../../recipes/index.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { withDoor } from "../../../recipes/with-door.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { sampleLabels } from "../../support/layers.ts";

const own = ["caddy", "door", "runtime"];

function planOf(recipe: string, more: Readonly<Record<string, string>> = {}): Plan {
  const config = parseConfig({ "strata:recipe": recipe, ...more });
  return planStack(config, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

const fileOf = ({ stages }: Plan, stage: string, path: string): string =>
  stages
    .find(({ name }) => name === stage)
    ?.files.find((file) => file.path === path)
    ?.content.toString() ?? "";

for (const recipe of ["studio", "megapak", "wan22"]) {
  test(`${recipe} behind the door: every other stage keeps its key`, () => {
    const alone = planOf(recipe);
    const behind = planOf(recipe, { "strata:door": "true" });
    const keys = (plan: Plan) =>
      Object.fromEntries(
        plan.stages.filter(({ name }) => !own.includes(name)).map(({ name, key }) => [name, key]),
      );
    assert.deepEqual(keys(behind), keys(alone));
    assert.deepEqual(
      behind.product.parents.slice(-3),
      own,
      "the parts that change most come last, runtime as in every image",
    );
    assert.deepEqual(
      alone.stages.filter(({ name }) => name === "caddy" || name === "door"),
      [],
    );
    for (const stage of behind.stages.filter(({ name }) => own.includes(name))) {
      assert.deepEqual(stageProblems(stage), []);
    }
    const { entrypoint, healthcheck } = behind.product.settings;
    assert.deepEqual(entrypoint, ["/opt/strata/door/entrypoint"]);
    assert.deepEqual(healthcheck.command, ["/opt/strata/door/healthcheck"]);
    assert.deepEqual(behind.ports, alone.ports, "the door listens where the services did");
  });
}

test("behind the door no service listens to the world, and the door is one of the processes", () => {
  const path = "rootfs/opt/strata/runtime/supervisord.conf";
  const behind = fileOf(planOf("studio", { "strata:door": "true" }), "runtime", path);
  assert.doesNotMatch(behind, /0\.0\.0\.0/);
  assert.match(behind, /^programs=door,llama,backend,comfyui/m);
  assert.match(behind, /^files=%\(ENV_STRATA_CONTROL\)s \/opt\/strata\/door\/program\.conf$/m);
  const alone = fileOf(planOf("studio"), "runtime", path);
  assert.equal(alone, readFileSync(join(repository, "layers/runtime", path), "utf8"));
  assert.throws(
    () => behindDoor(behind),
    /expected "\nprograms=llama," once/,
    "a line that is gone is not passed over",
  );
});

test("the image says that it has the door, and another one says nothing", () => {
  const described = (plan: Plan) => JSON.parse(fileOf(plan, "runtime", "rootfs/opt/strata/image.json"));
  assert.equal(described(planOf("wan22", { "strata:door": "true" })).door, true);
  assert.equal("door" in described(planOf("wan22", { "strata:door": "false" })), false);
});

test("a recipe without the image's own service cannot have the login, one that has it stays", () => {
  const bare = { ...recipes.starter, layers: [runtime] };
  assert.throws(
    () => withDoor(bare, true),
    (error: unknown) => error instanceof UserError && error.message.includes("no layer backend"),
  );
  assert.equal(withDoor(bare, false), bare);
  const behind = withDoor(recipes.studio, true);
  assert.equal(withDoor(behind, true), behind);
});

test("strata:door is true or false, as Pulumi stores it", () => {
  const read = (text: string) => parseConfig({ "strata:recipe": "studio", "strata:door": text }).door;
  assert.equal(read("true"), true);
  assert.equal(read("false"), false);
  assert.equal(parseConfig({}).door, false);
  assert.throws(() => read("yes"), /strata:door: expected one of true, false/);
});

test("Caddy's version is the one that its Go module pins", () => {
  const module = readFileSync(join(repository, "layers/caddy/go.mod"), "utf8");
  assert.match(module, new RegExp(`caddyserver/caddy/v2 v${caddyVersion.replaceAll(".", "\\.")}$`, "m"));
});
