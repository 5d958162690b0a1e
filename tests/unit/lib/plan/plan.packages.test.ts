/** Plans with Python packages: which stage installs what, and from where. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { normaliseName, requirementName } from "../../../../lib/locks/python-lock.ts";
import type { Plan, Stage } from "../../../../lib/plan/plan.ts";
import type { Layer } from "../../../../lib/recipe/layer.ts";
import type { Resolution } from "../../../../lib/recipe/recipe.ts";
import { wheelBuildRequirements } from "../../../../lib/recipe/source-build.ts";
import { context, layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";
import { commitOf } from "../../../support/nodes.ts";
import { type LockEntry, lockOf } from "../../../support/python-lock.ts";

const files = Object.fromEntries(
  [
    ...["toolbox", "system", "one", "two", "alike"].map((name) => `${name}/Dockerfile`),
    "alike/build.sh",
    "source-wheel/build.sh",
    ...["trust.sh", "fetch_sdist.py", "finish.sh"].map((name) => `shared/${name}`),
  ].map((path) => [path, ""]),
);
const buildTools = Object.fromEntries(
  wheelBuildRequirements.map((name) => [`${requirementName(name)}==1`, {}]),
);

/** The plan of `system`, `one` and `two`, which ask for these packages. */
function planWith(
  t: TestContext,
  asked: { readonly one?: readonly string[]; readonly two?: readonly string[] },
  lock: Readonly<Record<string, LockEntry>>,
  more: { readonly resolution?: Resolution; readonly layers?: readonly Layer[] } = {},
): Plan {
  const { resolution = {}, layers = [] } = more;
  const stages = (["one", "two"] as const).map((name) =>
    sampleLayer(name, ["toolbox"], { python: () => ({ image: asked[name] ?? [] }) }),
  );
  const gitPackages = Object.fromEntries(
    Object.keys(resolution.gitPackages ?? {}).map((name) => [
      normaliseName(name),
      { location: "https://example.org/x/y", commit: commitOf(name), version: "0.1" },
    ]),
  );
  return plan(
    layersFolder(t, files),
    { ...sampleRecipe([sampleLayer("system"), ...stages, ...layers], [sampleLayer("toolbox")]), resolution },
    { lock: lockOf({ ...lock, ...buildTools }) },
    { ...context, gitPackages },
  );
}

function stageOf({ stages }: Plan, name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  assert.ok(found, name);
  return found;
}

const fileOf = (stage: Stage, path: string) =>
  stage.files.find((file) => file.path === path)?.content.toString();
const packagesOf = (stage: Stage) =>
  Object.keys(stage.inputs)
    .filter((input) => input.startsWith("package:"))
    .map((input) => input.slice("package:".length));

test("a package from source gets a stage, which is a parent of exactly the layer that installs it", (t) => {
  const planned = planWith(
    t,
    { one: ["regex"], two: ["dlib"] },
    { "regex==1": {}, "dlib==1": { sdist: true } },
  );
  assert.deepEqual(
    planned.stages.map(({ name, parents }) => [name, parents]),
    [
      ["toolbox", []],
      ["system", []],
      ["one", ["toolbox"]],
      ["wheel-dlib", ["toolbox"]],
      ["two", ["toolbox", "wheel-dlib"]],
    ],
  );
  assert.deepEqual(planned.product.parents, ["system", "one", "two"]);
});

test("a package from source belongs to the first layer that needs it, and is built once", (t) => {
  const lock = {
    "iopath==1": { sdist: true, by: ["fvcore", "sam"] },
    "fvcore==1": {},
    "sam==1": {},
  } as const;
  const planned = planWith(t, { one: ["fvcore"], two: ["sam"] }, lock);
  assert.deepEqual(stageOf(planned, "one").parents, ["toolbox", "wheel-iopath"]);
  assert.deepEqual(stageOf(planned, "two").parents, ["toolbox"]);
  assert.equal(planned.stages.filter(({ name }) => name.startsWith("wheel-")).length, 1);
});

test("a package from source that this image does not need is not built", (t) => {
  const planned = planWith(t, { one: ["regex"] }, { "regex==1": {}, "dlib==1": { sdist: true } });
  assert.ok(!planned.stages.some(({ name }) => name.startsWith("wheel-")));
});

test("what was built is installed by name, the rest by version and hash", (t) => {
  const lock = { "regex==1": {}, "dlib==1": { sdist: true } } as const;
  const stage = stageOf(planWith(t, { one: ["regex", "dlib"] }, lock), "one");
  assert.equal(fileOf(stage, "built-requirements.txt"), "dlib\n");
  assert.match(fileOf(stage, "requirements.txt") ?? "", /^regex==1 \\\n {4}--hash=sha256:[0-9a-f]{64}\n$/);
  assert.deepEqual(packagesOf(stage), ["dlib", "regex"]);
});

test("a layer without packages from source has no list of them", (t) => {
  const stage = stageOf(planWith(t, { one: ["regex"] }, { "regex==1": {} }), "one");
  assert.deepEqual(
    stage.files.map(({ path }) => path),
    ["Dockerfile", "requirements.txt"],
  );
});

test("a layer whose packages an earlier one has gets an empty list: its script reads one", (t) => {
  const planned = planWith(t, { one: ["regex"], two: ["regex"] }, { "regex==1": {} });
  assert.equal(fileOf(stageOf(planned, "two"), "requirements.txt"), "");
});

test("a list that leaves to earlier layers what they need takes only the rest", (t) => {
  const lock = { "regex==1": { by: ["scipy"] }, "scipy==1": {}, "tqdm==1": {} };
  const rest = sampleLayer("alike", [], { python: () => ({ remaining: ["regex", "tqdm"] }) });
  const planned = planWith(t, { one: ["scipy"] }, lock, { layers: [rest] });
  assert.deepEqual(packagesOf(stageOf(planned, "one")), ["regex", "scipy"]);
  assert.deepEqual(packagesOf(stageOf(planned, "alike")), ["tqdm"]);
});

const aliases = { "opencv-python": { of: "opencv-contrib", reason: "both write cv2" } };

test("who asks for an alias gets what stands in for it", (t) => {
  const lock = { "opencv-contrib==4.1": {}, "regex==1": {} };
  const planned = planWith(t, { one: ["opencv-python>=4", "regex"] }, lock, { resolution: { aliases } });
  assert.deepEqual(packagesOf(stageOf(planned, "one")), ["opencv-contrib", "regex"]);
});

test("the stage that installs a stand-in writes the metadata of its aliases, and no other stage does", (t) => {
  const lock = { "opencv-contrib==4.1": {}, "regex==1": {} };
  const asked = { one: ["regex"], two: ["opencv-contrib"] };
  const planned = planWith(t, asked, lock, { resolution: { aliases } });
  assert.equal(fileOf(stageOf(planned, "two"), "aliases.txt"), "opencv-python 4.1 opencv-contrib\n");
  assert.equal(fileOf(stageOf(planned, "one"), "aliases.txt"), undefined);
});

test("an alias is an input of the stage that writes it", (t) => {
  const lock = { "opencv-contrib==4.1": {} };
  const keyWith = (resolution: Resolution) =>
    stageOf(planWith(t, { one: ["opencv-contrib"] }, lock, { resolution }), "one").key;
  assert.notEqual(keyWith({}), keyWith({ aliases }));
});

test("a stand-in that this image does not have stands in for nobody", (t) => {
  const lock = { "opencv-contrib==4.1": {}, "regex==1": {} };
  const planned = planWith(t, { one: ["regex"] }, lock, { resolution: { aliases } });
  assert.ok(planned.stages.every((stage) => fileOf(stage, "aliases.txt") === undefined));
});

test("a package that is only in git is installed where it is asked for, with what the recipe says it needs", (t) => {
  const gitPackages = { clip: { repository: "https://example.org/x/clip", requires: ["ftfy", "regex"] } };
  const planned = planWith(
    t,
    { one: ["clip"] },
    { "ftfy==1": {}, "regex==1": {}, "other==1": {} },
    {
      resolution: { gitPackages },
    },
  );
  const stage = stageOf(planned, "one");
  assert.deepEqual(packagesOf(stage), ["clip", "ftfy", "regex"]);
  assert.equal(fileOf(stage, "built-requirements.txt"), "clip\n");
  assert.deepEqual(stage.parents, ["toolbox", "wheel-clip"]);
});

test("a package that is only in git is found however its name is written", (t) => {
  const gitPackages = { Cozy_ComfyUI: { repository: "https://example.org/x/cozy", requires: [] } };
  const planned = planWith(t, { one: ["cozy-comfyui"] }, {}, { resolution: { gitPackages } });
  const wheel = stageOf(planned, "wheel-cozy-comfyui");
  assert.equal(wheel.inputs["pin:cozy-comfyui"], commitOf("Cozy_ComfyUI"));
  assert.equal(wheel.args.VERSION, "0.1");
});

test("a layer that makes a list gets all that the image installs, and nothing that only builds use", (t) => {
  const lister = sampleLayer("alike", [], {
    listed: (installed) => ({
      "constraints.txt": installed.map(({ name, version }) => `${name}==${version}\n`).join(""),
    }),
  });
  const lock = { "tqdm==2": {}, "dlib==1": { sdist: true }, "regex==1": { by: ["dlib"] } } as const;
  const planned = planWith(t, { one: ["tqdm"], two: ["dlib"] }, lock, { layers: [lister] });
  assert.equal(fileOf(stageOf(planned, "alike"), "constraints.txt"), "dlib==1\nregex==1\ntqdm==2\n");
  assert.ok("file:layers/alike/layer.ts (constraints.txt)" in stageOf(planned, "alike").inputs);
});

test("a layer that this stack leaves out is in no stage, and leaves its packages to the next that needs them", (t) => {
  const lock = { "regex==1": { by: ["torch"] }, "torch==1": {} };
  const first = (included: boolean) =>
    sampleLayer("alike", [], { included: () => included, python: () => ({ image: ["regex"] }) });
  const planOf = (included: boolean) =>
    plan(
      layersFolder(t, files),
      sampleRecipe([
        sampleLayer("system"),
        first(included),
        sampleLayer("one", [], { python: () => ({ image: ["torch"] }) }),
      ]),
      { lock: lockOf(lock) },
    );
  assert.deepEqual(planOf(true).product.parents, ["system", "alike", "one"]);
  assert.deepEqual(packagesOf(stageOf(planOf(true), "one")), ["torch"]);
  const out = planOf(false);
  assert.deepEqual(out.product.parents, ["system", "one"]);
  assert.deepEqual(
    out.stages.map(({ name }) => name),
    ["system", "one"],
  );
  assert.deepEqual(packagesOf(stageOf(out, "one")), ["regex", "torch"]);
});

test("a layer that needs one that is left out is a mistake of the recipe", (t) => {
  const layers = [sampleLayer("one", [], { included: () => false }), sampleLayer("two", ["one"])];
  assert.throws(
    () => plan(layersFolder(t, files), sampleRecipe(layers)),
    /layers\/two\/layer\.ts: needs the layer "one", which the recipe does not have/,
  );
});

test("two layers made alike from one folder get its files and are two stages", (t) => {
  const alike = (name: string, value: string) =>
    sampleLayer(name, [], { folder: "alike", args: () => ({ VALUE: value }) });
  const { stages } = plan(layersFolder(t, files), sampleRecipe([alike("red", "1"), alike("blue", "1")]));
  assert.deepEqual(
    stages.map((stage) => [stage.name, stage.files.map(({ path }) => path)]),
    [
      ["red", ["Dockerfile", "build.sh"]],
      ["blue", ["Dockerfile", "build.sh"]],
    ],
  );
  assert.notEqual(stages[0]?.key, stages[1]?.key);
  assert.ok("file:layers/alike/build.sh" in (stages[0]?.inputs ?? {}));
});

test("a Dockerfile that a layer makes takes the place of the folder's", (t) => {
  const made = sampleLayer("red", ["system"], {
    folder: "alike",
    dockerfile: (parents) => `FROM ${parents[0]}\n`,
  });
  const { stages } = plan(layersFolder(t, files), sampleRecipe([sampleLayer("system"), made]));
  const dockerfiles = stages[1]?.files.filter(({ path }) => path === "Dockerfile") ?? [];
  assert.deepEqual(
    dockerfiles.map(({ content }) => content.toString()),
    ["FROM system\n"],
  );
});
