import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { after, test } from "node:test";
import { readConfig } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { planStack } from "../../recipes/stack-plan.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));
process.env.STRATA_HOME = folder;
process.env.STRATA_GENERATION = "ada";
const { home, repository } = await import("../../home.ts");
const { contextOf, planImage } = await import("../../plan-image.ts");

test("it is what a stack with these settings plans; what the environment chooses for a run is not asked", async () => {
  const planned = await planImage({
    recipe: "studio",
    generation: "hopper",
    registry: { kind: "ghcr", owner: "acme", repository: "studio" },
    builder: "mine",
    tags: ["{generation}"],
    evidence: { maxAgeDays: 3 },
  });
  const stack = {
    "strata:recipe": "studio",
    "strata:generation": "hopper",
    "strata:registry": '{"kind": "ghcr", "owner": "acme", "repository": "studio"}',
  };
  const same = planStack(await readConfig(stack), { root: repository, localImages: home.images });
  assert.deepEqual(planned.image.plan, same.plan);
  assert.equal(planned.image.base, same.base.reference);
  assert.equal(planned.test.checks, same.checks);
  assert.deepEqual(planned.test.hosts, [{ description: { kind: "builder" } }]);
  assert.equal(planned.test.generation, "hopper");
  assert.deepEqual([planned.build.builder, planned.test.builder], ["mine", "mine"]);
  assert.deepEqual(planned.tags, ["hopper"]);
  assert.deepEqual(planned.terms, { maxAgeDays: 3, checks: same.checks, host: "any" });
  assert.equal(planned.registry.kind, "ghcr");
});

test("a context lies in the project's home, by a path that a state can hold", async () => {
  const { image } = await planImage({ recipe: "starter" });
  const [stage] = image.plan.stages;
  assert.ok(stage);
  const path = contextOf(stage);
  assert.ok(!isAbsolute(path), path);
  assert.equal(join(process.cwd(), path), join(home.contexts, `${stage.name}-${stage.key}`));
});

test("mistakes come together, and a setting that it would not heed is one", async () => {
  await assert.rejects(planImage({ recipe: "startr", generation: "adda" as "ada" }), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /strata:generation: [\s\S]*strata:recipe: /);
    return true;
  });
  for (const setting of ["host", "copies"])
    await assert.rejects(
      planImage({ [setting]: [] }),
      new RegExp(`${setting}: is a setting of a stack alone`),
    );
});
