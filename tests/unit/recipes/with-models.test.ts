/** Models of the real recipes: their lists, and what each strategy plans. */
import assert from "node:assert/strict";
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { UserErrors } from "../../../errors.ts";
import { repository } from "../../../home.ts";
import { analyse } from "../../../lib/comfyui/workflow/analyse.ts";
import { classIndex } from "../../../lib/comfyui/workflow/class-index.ts";
import { compare } from "../../../lib/comfyui/workflow/compare.ts";
import { readWorkflow } from "../../../lib/comfyui/workflow/read.ts";
import {
  formatModelLock,
  type LockedModel,
  modelPath,
  parseModelLock,
} from "../../../lib/locks/model-lock.ts";
import { parseNodeClasses } from "../../../lib/locks/node-classes.ts";
import { formatRecipeModels, parseRecipeModels, recipeModels } from "../../../lib/models/recipe-list.ts";
import type { Plan, Stage } from "../../../lib/plan/plan.ts";
import { recipeNames } from "../../../recipes/index.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { renderModels } from "../../../tools/commands/models/model-table.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { sampleLabels } from "../../support/layers.ts";
import { temporaryFolder } from "../support/folder.ts";

const text = (path: string) => readFileSync(join(repository, path), "utf8");
const lock = parseModelLock(text("locks/models.json"));
const classes = classIndex(parseNodeClasses(text("locks/node-classes.json")));
const lists = globSync("recipes/models/*.json", { cwd: repository });

const vae = "models/vae/wan_2.1_vae.safetensors";
const rife = "custom_nodes/ComfyUI-Frame-Interpolation/ckpts/rife/rife47.pth";
const unknown = lock.incomplete.map(modelPath);

function planOf(recipe: string, models?: object, more: Readonly<Record<string, string>> = {}): Plan {
  const config = parseConfig({
    "strata:recipe": recipe,
    ...(models ? { "strata:models": JSON.stringify(models) } : {}),
    ...more,
  });
  return planStack(config, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

const named = ({ stages }: Plan, name: string): Stage => {
  const found = stages.find((stage) => stage.name === name);
  assert.ok(found, `no stage ${name}`);
  return found;
};
const fileOf = (stage: Stage, path: string): string | undefined =>
  stage.files.find((file) => file.path === path)?.content.toString();
const modelStages = ({ stages }: Plan) => stages.filter(({ bulk }) => bulk);
const problemsOf = ({ stages }: Plan) =>
  // Those that models have a say in; layers.test.ts looks at all.
  stages
    .filter(({ name }) => /^(model-|system$|runtime$)/.test(name))
    .flatMap((stage) => stageProblems(stage));

for (const path of lists) {
  test(`${path} is what its workflows ask for`, () => {
    const list = parseRecipeModels(text(path), path);
    const workflows = list.workflows.map((file) => readWorkflow(readFileSync(join(repository, file)), file));
    const report = compare(analyse(workflows, classes), lock, classes);
    assert.equal(text(path), formatRecipeModels(recipeModels(report)), "run npm run models -- … --write");
    assert.deepEqual(report.unresolved, []);
    for (const node of report.nodes) assert.equal(node.state, "locked", node.type);
    const recipe = recipeNames.find((name) => path.endsWith(`/${name}.json`));
    assert.ok(recipe, "it is the list of a recipe");
    const folders = named(planOf(recipe), "runtime").files.find(({ path: file }) =>
      file.endsWith("image.json"),
    );
    for (const { repository: from } of report.nodes) {
      assert.ok(folders?.content.includes(`https://github.com/${from}"`), `${recipe} lacks ${from}`);
    }
  });
}

test("the workflow of wan22 needs exactly the seed's 7 files: 37 GB of 79, and saves the rest", () => {
  const others = {
    "vae/wan2.2_vae": 1.4,
    "checkpoints/illustriousXL_v01": 6.9,
    "diffusion_models/chroma": 33.7,
  };
  const seed = {
    ...lock,
    models: [
      ...lock.models,
      ...Object.entries(others).map(([path, size]) => ({
        name: `${path.split("/")[1]}.safetensors`,
        folder: `models/${path.split("/")[0]}`,
        licence: null,
        source: "stands for what the seed had beside them: 42 GB",
        url: `https://example.com/${path}`,
        size: size * 1e9,
        sha256: "0".repeat(64),
        gated: null,
      })),
    ],
  };
  const file = "recipes/workflows/wan22-i2v.json";
  const report = compare(analyse([readWorkflow(Buffer.from(text(file)), file)], classes), seed, classes);
  assert.deepEqual(
    report.files.map(({ folder, name }) => `${folder}/${name}`).sort(),
    [...lock.models, ...lock.incomplete].map(modelPath).sort(),
  );
  assert.equal(report.files.length, 7);
  assert.match(renderModels(report), /^7 models, 37\.1 GB, of 79\.1 GB in the lock: saves 42 GB$/m);
});

test("wan22 is planned without models as it is, and with them says which hashes are missing and what to do", () => {
  assert.deepEqual(modelStages(planOf("wan22")), []);
  for (const strategy of ["baked", "image", "volume"]) {
    assert.throws(
      () => planOf("wan22", { strategy }),
      (error: unknown) => {
        assert.ok(error instanceof UserErrors);
        assert.equal(error.errors.length, unknown.length);
        for (const path of unknown) {
          assert.ok(
            error.message.includes(
              `${path}: hash unknown. Run \`npm run lock -- models\` on a machine that reaches huggingface.co.`,
            ),
            error.message,
          );
        }
        return true;
      },
    );
  }
});

test("baked: a stage for each model, named in the product", () => {
  const plan = planOf("studio", { strategy: "baked", also: [vae, rife] });
  const stages = modelStages(plan);
  assert.deepEqual(
    stages.map(({ parents, inputs }) => [
      parents,
      Object.keys(inputs).filter((key) => key.startsWith("pin:")),
    ]),
    [
      [["model-tools"], [`pin:${rife}`]],
      [["model-tools"], [`pin:${vae}`]],
    ],
  );
  assert.deepEqual(problemsOf(plan), []);
  assert.deepEqual(
    plan.product.parents.slice(-2),
    stages.map(({ name }) => name),
  );
  // 4.4 GB, and the two files.
  const { labels } = plan.product.settings;
  assert.equal(labels["strata.size-budget"], "4.68 GB");
  assert.ok(JSON.parse(labels["strata.layers"] ?? "").includes(stages[1]?.name));
});

test("a model's stage depends on its hash and not on its tools; another model changes none of the others", () => {
  const keys = (plan: Plan) => Object.fromEntries(modelStages(plan).map(({ name, key }) => [name, key]));
  const one = planOf("studio", { strategy: "baked", also: [vae] });
  const two = planOf("studio", { strategy: "baked", also: [vae, rife] });
  for (const [name, key] of Object.entries(keys(one))) assert.equal(keys(two)[name], key);
  // Another base is another toolbox.
  const elsewhere = planOf("megapak", { strategy: "baked", also: [vae] });
  assert.notEqual(named(elsewhere, "model-tools").key, named(one, "model-tools").key);
  assert.deepEqual(keys(elsewhere), keys(one));
  const unchanged = (name: string) => named(one, name).key === named(two, name).key;
  assert.ok(["system", "torch", "comfyui", "model-tools", "node-packages"].every(unchanged));
});

test("image: the same stages, and a product that lacks them and knows it", () => {
  const baked = planOf("studio", { strategy: "baked", also: [vae, rife] });
  const plan = planOf("studio", { strategy: "image", also: [vae, rife] });
  assert.deepEqual(
    modelStages(plan).map(({ key }) => key),
    modelStages(baked).map(({ key }) => key),
  );
  assert.ok(!plan.product.parents.some((parent) => /^model-(?!fetch$)/.test(parent)));
  assert.deepEqual(problemsOf(plan), []);
  assert.deepEqual(JSON.parse(fileOf(named(plan, "runtime"), "rootfs/opt/strata/image.json") ?? "").models, {
    strategy: "image",
    files: [rife, vae],
  });
});

test("volume: the image has the fetcher, a downloader and a small manifest with the same hashes", () => {
  const plan = planOf("studio", { strategy: "volume", also: [vae, rife], background: true });
  assert.deepEqual(modelStages(plan), []);
  assert.deepEqual(problemsOf(plan), []);
  assert.ok(plan.product.parents.includes("model-fetch"));
  assert.match(fileOf(named(plan, "system"), "locked-packages.txt") ?? "", /^package aria2 /m);
  assert.doesNotMatch(fileOf(named(planOf("studio"), "system"), "locked-packages.txt") ?? "", /aria2/);
  const runtime = named(plan, "runtime");
  const manifest = fileOf(runtime, "rootfs/opt/strata/models.json") ?? "";
  assert.ok(manifest.length < 2_000);
  const entries: { folder: string; name: string; sha256: string }[] = JSON.parse(manifest).models;
  assert.deepEqual(
    entries.map(({ folder, name, sha256 }) => [folder, name, sha256]),
    [rife, vae].map((path) => {
      const model = lock.models.find((each) => modelPath(each) === path);
      return [model?.folder.replace("custom_nodes", ".strata/custom_nodes"), model?.name, model?.sha256];
    }),
  );
  const { models } = JSON.parse(fileOf(runtime, "rootfs/opt/strata/image.json") ?? "");
  assert.deepEqual(models, { strategy: "volume", background: true, files: [rife, vae] });
  assert.ok(!existsSync(join(repository, "layers/runtime/rootfs/opt/strata/models.json")));
});

test("a model without a strategy costs nothing: the plan is as it always was", () => {
  assert.deepEqual(planOf("studio", { strategy: "none" }).product.key, planOf("studio").product.key);
  assert.throws(() => planOf("starter", { strategy: "baked", also: [vae] }), /starter has no ComfyUI/);
});

test("wan22 with its models is not planned for a host that is too small to run its workflow", (t) => {
  // As the lock will be once the two missing hashes are known.
  const root = temporaryFolder(t);
  for (const name of readdirSync(repository)) {
    if (name !== "locks") symlinkSync(join(repository, name), join(root, name));
  }
  mkdirSync(join(root, "locks"));
  for (const name of readdirSync(join(repository, "locks"))) {
    if (name !== "models.json") symlinkSync(join(repository, "locks", name), join(root, "locks", name));
  }
  const complete = lock.incomplete.map(({ about, ...model }) => ({
    ...model,
    size: about ?? 1e9,
    sha256: "0".repeat(64),
  }));
  writeFileSync(
    join(root, "locks/models.json"),
    formatModelLock({ models: [...lock.models, ...complete] as LockedModel[], incomplete: [] }),
  );
  const plan = (generation: string, strategy = "baked") =>
    planStack(
      parseConfig({
        "strata:recipe": "wan22",
        "strata:generation": generation,
        "strata:models": JSON.stringify({ strategy }),
        "strata:host": JSON.stringify({ kind: "aws", region: "us-east-1" }),
        "strata:registry": JSON.stringify({
          ...{ kind: "ecr", account: "123456789012", region: "us-east-1", repository: "strata" },
        }),
      }),
      { root, localImages: "none.json" },
      sampleLabels,
    );
  assert.throws(
    () => plan("turing"),
    /strata:host: the image's own workflow needs a card of 17 GiB and 35 GiB of memory, which g4dn\.xlarge, g4dn\.2xlarge cannot give/,
  );
  assert.ok((plan("ada").memory?.ram ?? 0) > 35e9);
  assert.equal(plan("turing", "volume").memory, undefined, "then nothing is run");
  // What a host's disk has to hold beside the rest of the image.
  assert.ok(Math.abs((plan("ada").modelBytes ?? 0) - 37e9) < 0.5e9, String(plan("ada").modelBytes));
  assert.equal(plan("ada", "volume").modelBytes, undefined);
});
