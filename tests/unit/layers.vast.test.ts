/** Layers of the recipe `vast`: that they keep the rules, and what its plan says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../config.ts";
import { repository } from "../../home.ts";
import { ownEnvironments } from "../../lib/plan/lock-inputs.ts";
import { recipes } from "../../recipes/index.ts";
import { planStack } from "../../recipes/stack-plan.ts";
import { stageProblems } from "../support/dockerfile.ts";
import { sampleLabels } from "../support/layers.ts";

const wheel = (name: string) => ({ url: `https://packages.example.org/${name}`, sha256: "b".repeat(64) });
const tensorrt = [wheel("tensorrt_cu13_libs-11.4.0.106-py2.py3-none-manylinux_2_28_x86_64.whl")];

function planOf(settings: Readonly<Record<string, string>> = {}) {
  const config = parseConfig({ "strata:recipe": "vast", ...settings });
  return planStack(config, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

test("its stages keep the rules, TensorRT's too", () => {
  const { stages } = planOf({ "strata:tensorrt": JSON.stringify(tensorrt) });
  assert.deepEqual(
    stages.flatMap((stage) => stageProblems(stage)),
    [],
  );
});

test("what an image is without is said, with the setting: TensorRT, cloudflared, AWS CLI on Ubuntu", () => {
  const bare = planOf({ "strata:cloudflared": '{"enabled":false}' }).lacks?.join("\n") ?? "";
  assert.match(bare, /no TensorRT: .*strata:tensorrt/);
  assert.match(bare, /no cloudflared, .*strata:cloudflared/);
  assert.deepEqual(planOf({ "strata:tensorrt": JSON.stringify(tensorrt) }).lacks, []);
  const ubuntu = planOf({ "strata:base": "ubuntu-24.04", "strata:python": "3.12" }).lacks?.join("\n") ?? "";
  assert.match(ubuntu, /no AWS CLI: ubuntu-24\.04/);
});

test("the services' environment is all of its lock and nothing of the product's; its packages are inputs by a name of their own", () => {
  const services = planOf().stages.find(({ name }) => name === "services");
  const text = services?.files.find(({ path }) => path === "own-requirements.txt")?.content.toString() ?? "";
  assert.match(text, /^supervisor==\S+ \\\n {4}--hash=sha256:/m);
  const kinds = new Set(Object.keys(services?.inputs ?? {}).map((input) => input.split(":")[0]));
  assert.ok(kinds.has("own package") && !kinds.has("package"));
  const pinned = Object.keys(services?.inputs ?? {}).filter((input) => input.startsWith("own package:"));
  assert.equal(pinned.length, text.match(/^\S+==/gm)?.length);
});

test("an environment of its own is locked once, whichever recipes have it, and without CUDA", () => {
  const environments = ownEnvironments([recipes.vast, recipes.starter, recipes.vast]);
  assert.deepEqual(
    environments.map(({ name, ownEnvironment }) => [name, ownEnvironment]),
    [["services", true]],
  );
});

test("no host key, account's password or number of a machine comes with the system", () => {
  const system = planOf().stages.find(({ name }) => name === "system");
  const script = system?.files.find(({ path }) => path === "instance-system.sh")?.content.toString() ?? "";
  assert.match(script, /rm -f \/etc\/ssh\/ssh_host_\* \/etc\/machine-id/);
  assert.match(script, /rm -rf \/run\/sshd/);
  assert.match(script, /useradd --uid 1001 --gid 0 /);
});
