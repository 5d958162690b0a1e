import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError, UserErrors } from "../../../../errors.ts";
import { type LockedModel, type ModelLock, modelPath } from "../../../../lib/locks/model-lock.ts";
import { type ModelsSetting, noModels } from "../../../../lib/models/models-setting.ts";
import { type ModelSources, resolveModels } from "../../../../lib/models/resolve-models.ts";

const GB = 1e9;

function model(path: string, size = 5): LockedModel {
  const name = path.split("/").at(-1) ?? "";
  return {
    name,
    folder: path.slice(0, -name.length - 1),
    licence: null,
    source: "test",
    url: `https://hub.example/${name}`,
    size,
    sha256: "1".repeat(64),
    gated: null,
  };
}

const vae = model("models/vae/v.safetensors");
const large = model("models/unet/large.gguf", 15 * GB);
const rife = model("custom_nodes/RIFE/ckpts/rife.pth");
const unknown = { ...model("models/loras/unknown.safetensors"), size: null, sha256: null };
const lock: ModelLock = { models: [large, rife, vae], incomplete: [unknown] };

function resolve(setting: Partial<ModelsSetting>, more: Partial<ModelSources> = {}) {
  return resolveModels(
    { ...noModels, ...setting },
    {
      recipe: { name: "wan", comfyui: {} },
      required: [vae, large].map(modelPath),
      lock,
      registry: "local",
      mirrors: {},
      ...more,
    },
  );
}

function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof UserErrors) return error.errors.map(({ message }) => message);
    if (error instanceof UserError) return [error.message];
    throw error;
  }
  return [];
}

test("workflows that can be run go where their models are in the image", () => {
  const workflows = {
    "api.json": JSON.stringify({ "1": { class_type: "LoadImage", inputs: {} } }),
    "editor.json": JSON.stringify({ nodes: [], links: [] }),
  };
  const baked = resolve({ strategy: "baked" }, { workflows });
  assert.deepEqual(baked?.workflows, { "api.json": workflows["api.json"] });
  for (const strategy of ["image", "volume"] as const) {
    assert.equal(resolve({ strategy }, { workflows })?.workflows, undefined);
  }
  assert.equal(resolve({ strategy: "baked" })?.workflows, undefined);
  // What a test loads then: not what a stack adds beside it, and nothing where no workflow is run.
  const also = [modelPath(rife)];
  assert.deepEqual(resolve({ strategy: "baked", also }, { workflows })?.memory, {
    gpu: 15 * GB + 2 * 2 ** 30,
    ram: 15 * GB + 5,
  });
  assert.equal(resolve({ strategy: "volume" }, { workflows })?.memory, undefined);
  assert.equal(resolve({ strategy: "baked" })?.memory, undefined);
});

test("without a strategy nothing is looked at, in whatever order it is", () => {
  assert.equal(resolve({ strategy: "none" }, { required: [modelPath(unknown)] }), undefined);
  assert.equal(resolve({ strategy: "none" }, { recipe: { name: "x" } }), undefined);
});

test("baked and image: a layer for each model; a volume needs none", () => {
  for (const strategy of ["baked", "image"] as const) {
    const found = resolve({ strategy });
    assert.deepEqual(found?.models.map(modelPath), [modelPath(large), modelPath(vae)]);
    assert.deepEqual(
      found?.layers.map((layer) => layer.models.map(modelPath)),
      [[modelPath(large)], [modelPath(vae)]],
    );
  }
  const fetched = resolve({ strategy: "volume", background: true }, { registry: "ghcr" });
  assert.deepEqual([fetched?.layers, fetched?.background, fetched?.models.length], [[], true, 2]);
});

test("a stack adds models to those of its recipe, or gives them to a recipe that names none", () => {
  const both = resolve({ strategy: "baked", also: [modelPath(rife), modelPath(vae)] });
  assert.deepEqual(both?.models.map(modelPath), [modelPath(large), modelPath(rife), modelPath(vae)]);
  const own = resolve({ strategy: "baked", also: [modelPath(vae)] }, { required: undefined });
  assert.deepEqual(own?.models, [vae]);
});

test("a stack may take a part of its models, by path, by name or by pattern, to try with one or two first", () => {
  const paths = (only: string[], more: Partial<ModelsSetting> = {}) =>
    resolve({ strategy: "volume", only, ...more })?.models.map(modelPath);
  const whole = [modelPath(large), modelPath(vae)];
  assert.deepEqual(paths([]), whole);
  for (const only of [
    ["v.safetensors"],
    ["models/vae/*"],
    ["*.safetensors"],
    ["models/vae/v.safetensors", "v.*"],
  ])
    assert.deepEqual(paths(only), [modelPath(vae)], only.join());
  assert.deepEqual(paths(["*"]), whole);
  assert.deepEqual(paths(["rife*"], { also: [modelPath(rife)] }), [modelPath(rife)]);
  // What is left out needs no hash, and fits.
  const some = { required: [large, unknown, vae].map(modelPath), registry: "ghcr" } as const;
  assert.equal(resolve({ strategy: "baked", only: ["v.safetensors"] }, some)?.layers.length, 1);
});

test("a name of a part that is no model of the stack is a mistake, each with what is near", () => {
  const problems = problemsOf(() =>
    resolve({ strategy: "baked", only: ["vae.safetensors", "v.safetensor", "v?safetensors"] }),
  );
  assert.equal(problems.length, 3, problems.join("\n"));
  assert.match(
    problems[1] ?? "",
    /strata:models\.only: names "v\.safetensor", and no model of the stack is called so\. Did you mean "v\.safetensors"\?/,
  );
});

test("no workflow is run in an image that has a part of its models", () => {
  const workflows = { "api.json": JSON.stringify({ "1": { class_type: "LoadImage", inputs: {} } }) };
  const runnable = (only: string[]) => resolve({ strategy: "baked", only }, { workflows })?.workflows;
  assert.deepEqual(runnable(["*"]), workflows);
  assert.equal(runnable(["v.safetensors"]), undefined);
});

test("addresses go through the mirrors", () => {
  const found = resolve({ strategy: "volume" }, { mirrors: { "https://hub.example/": "https://mirror/" } });
  assert.equal(found?.models[1]?.url, "https://mirror/v.safetensors");
});

test("every model without a hash, and every one that does not fit, is told in one go", () => {
  const wanted = [large, unknown].map(modelPath);
  const problems = problemsOf(() =>
    resolve({ strategy: "baked", also: ["models/vae/v.safetensor"] }, { required: wanted, registry: "ghcr" }),
  );
  assert.equal(problems.length, 3, problems.join("\n"));
  assert.match(
    problems[0] ?? "",
    /models\/loras\/unknown\.safetensors: hash unknown\. Run `npm run lock -- models` on a machine that reaches hub\.example\./,
  );
  assert.match(
    problems[1] ?? "",
    /v\.safetensor: is not there\. Did you mean "models\/vae\/v\.safetensors"\?/,
  );
  assert.match(
    problems[2] ?? "",
    /models\/unet\/large\.gguf: makes a layer of 15\.0 GB, and GHCR takes layers up to 10\.0 GB/,
  );
  assert.deepEqual(
    problemsOf(() => resolve({ strategy: "image" }, { registry: "ecr" })),
    [],
  );
});

test("a recipe without ComfyUI, or without a list, has no models to choose a strategy for", () => {
  assert.match(
    problemsOf(() => resolve({ strategy: "baked" }, { recipe: { name: "starter" } }))[0] ?? "",
    /strata:models: is "baked", but starter has no ComfyUI\. Set strata:models to \{"strategy": "none"\}\./,
  );
  assert.match(
    problemsOf(() => resolve({ strategy: "volume" }, { required: undefined }))[0] ?? "",
    /nothing says which models wan needs\. Name some in strata:models\.also, or .*--write wan\./,
  );
});

test("no model lies among the code of a node", () => {
  const stray = model("custom_nodes/RIFE/rife.pth");
  assert.match(
    problemsOf(() =>
      resolve(
        { strategy: "baked" },
        { required: [modelPath(stray)], lock: { models: [stray], incomplete: [] } },
      ),
    )[0] ?? "",
    /custom_nodes\/RIFE\/rife\.pth: would lie among the files of a node\./,
  );
});

test("a copy of the product has limits too, and what lies beside the product is not copied", () => {
  const problems = (strategy: "baked" | "image") =>
    problemsOf(() => resolve({ strategy }, { required: [modelPath(large)], copies: ["ecr", "ghcr"] }));
  assert.equal(problems("baked").length, 1);
  assert.match(problems("baked")[0] ?? "", /large\.gguf: makes a layer of 15\.0 GB, and GHCR takes/);
  assert.deepEqual(problems("image"), []);
});
