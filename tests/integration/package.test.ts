/** strata as a package, in an empty folder, by the words of docs/package.md. Needs npm's registry and the package index. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { homeAt, repository } from "../../home.ts";
import type { Preview } from "../../lib/preview/preview-schema.ts";
import { blocksOf, openPackageProject, type PackageProject } from "./support/package-project.ts";

let project: PackageProject;
before(async () => {
  project = await openPackageProject();
});
after(() => project?.close());

type Planned = Exclude<Preview["stacks"][number], { verdict: "failed" }>;
const previewOf = async (...words: string[]): Promise<Planned> => {
  const { stdout } = await project.call("node_modules/.bin/strata", ["preview", "--json", ...words]);
  const [stack] = (JSON.parse(stdout) as Preview).stacks;
  assert.ok(stack && stack.verdict !== "failed");
  return stack;
};
/** What the plans of all built-in recipes come to, by the code below a folder. */
const plans = async (root: string, ending: string): Promise<unknown> => {
  const program = `
    const load = async (path) => await import(${JSON.stringify(`file://${root}/`)} + path + ${JSON.stringify(ending)});
    const { recipeNames } = await load("recipes/index");
    const { generationNames } = await load("lib/gpu/generations");
    const { readConfig } = await load("config");
    const { planStack } = await load("recipes/stack-plan");
    const all = {};
    for (const recipe of recipeNames) for (const generation of ["cpu", "ada"]) {
      const config = await readConfig({ "strata:recipe": recipe, "strata:generation": generation });
      const { plan, checks, labels } = planStack(config, { root: ${JSON.stringify(root)}, localImages: "none.json" });
      const keys = [...plan.stages, plan.product].map(({ name, key }) => [name, key]);
      all[recipe + " " + generation] = { keys: Object.fromEntries(keys), checks, labels };
    }
    console.log(JSON.stringify(all));`;
  const { stdout } = await project.call(process.execPath, ["--input-type=module", "-e", program]);
  return JSON.parse(stdout);
};

test("README's words lock a recipe of one's own and say what it will build", () => {
  assert.match(project.told, /^dev {2}first update: 16 new stages$/m);
  for (const stage of ["torch", "my-chat-packages", "greeting", "my-chat"])
    assert.match(project.told, new RegExp(`^[├└]─ ${stage} +create`, "m"));
  const lock = readFileSync(join(project.folder, "locks/python/my-chat-py3.11-cu13.0.txt"), "utf8");
  assert.match(lock, /^humanize==\d\S+ \\\n {4}--hash=sha256:/m);
  // What strata writes is the user's; the package stays as it came.
  assert.ok(existsSync(homeAt(join(project.folder, ".strata")).toolchain));
  assert.deepEqual(globSync("**/.strata", { cwd: join(project.folder, "node_modules") }), []);
});

test("the keys of every recipe are those of the clone", async () => {
  const packaged = await plans(join(project.packageFolder, "dist"), ".js");
  assert.deepEqual(packaged, await plans(repository, ".ts"));
});

test("what is imported is a recipe that takes strata from the package, beside a stack that names it", async () => {
  const workflow = join(
    repository,
    "docs/examples/my-recipe/workflows/rootfs/opt/my-recipe/workflows/plain-image.json",
  );
  const told = await project.call("node_modules/.bin/strata", ["import", workflow, "--name", "my-comfyui"], {
    reject: false,
  });
  assert.match(told.stdout, /npx strata preview --stack my-comfyui/, told.stderr);
  const recipe = readFileSync(join(project.folder, "my-comfyui/recipe.ts"), "utf8");
  assert.match(recipe, /^import \{ comfyuiRecipe.* \} from "strata";$/m);
  const stack = readFileSync(join(project.folder, "Pulumi.my-comfyui.yaml"), "utf8");
  assert.match(stack, /^ {2}strata:recipe: "my-comfyui\/recipe\.ts"$/m);
});

test("there is one copy of Pulumi's SDK, and no AWS that nobody asked for", () => {
  const found = (name: string) =>
    globSync(`**/node_modules/@pulumi/${name}/package.json`, { cwd: project.folder });
  assert.deepEqual(found("pulumi"), ["node_modules/@pulumi/pulumi/package.json"]);
  assert.deepEqual(found("aws"), []);
});

test("every command and every step runs, in the package's words", async () => {
  const { stdout: usage } = await project.call("npx", ["strata"]);
  const commands = [...usage.matchAll(/^ {2}([a-z-]+)$/gm)].map(([, name]) => name);
  const inClone = globSync("tools/commands/*.ts", { cwd: repository }).map((path) => basename(path, ".ts"));
  const ofClones = ["mutants", "package", "test"];
  assert.deepEqual(commands, inClone.filter((name) => !ofClones.includes(name)).sort());
  const helped = commands.map(async (name = "") => {
    const { stdout } = await project.call("node_modules/.bin/strata", [name, "--help"]);
    assert.match(stdout, new RegExp(`^Usage: npx strata ${name}\\b`), name);
    assert.doesNotMatch(stdout, /npm run|make /, name);
  });
  const steps = globSync("dist/tools/steps/*.js", { cwd: project.packageFolder });
  assert.equal(steps.length, globSync("tools/steps/*.ts", { cwd: repository }).length);
  const started = steps.map(async (path) => {
    const called = await project.call(process.execPath, [join(project.packageFolder, path)], {
      reject: false,
    });
    assert.match(called.stderr, /^\nstrata: STRATA_\w+: is not set/, path);
  });
  await Promise.all([...helped, ...started]);
});

test("mistakes name what there is here: another folder, no recipe, what is no export", async () => {
  const failure = async (words: string[], cwd?: string) =>
    (
      await project.call(join(project.folder, "node_modules/.bin/strata"), words, {
        reject: false,
        ...(cwd ? { cwd } : {}),
      })
    ).stderr;
  const empty = project.program("empty", { "package.json": "{}" });
  assert.match(
    await failure(["preview"], empty),
    /empty\/Pulumi\.yaml: is missing or empty\. Go to the folder/,
  );
  assert.match(await failure(["lock"], empty), /has no stack with a recipe of its own/);
  assert.match(await failure(["lokc"]), /^Usage: npx strata <command>/);
  const inner = 'await import("strata/dist/home.js")';
  const { stderr } = await project.call(process.execPath, ["--input-type=module", "-e", inner], {
    reject: false,
  });
  assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test("a stack that has a state is asked about by strata's program, and a change is compared with a branch", async () => {
  await project.pulumi(project.folder, "stack", "init", "dev");
  const { counts, engine, stages } = await previewOf("--stack", "dev");
  assert.equal(counts.create, 16);
  assert.deepEqual(
    engine?.images.map(({ name }) => name).filter((name) => name === "my-chat"),
    ["my-chat"],
  );
  assert.equal(engine?.images.length, stages.length);

  const git = (...words: string[]) =>
    project.call("git", ["-c", "user.name=me", "-c", "user.email=me@example.org", ...words]);
  await git("init", "--quiet", "..");
  await git(
    "add",
    "recipe.ts",
    "index.ts",
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "locks",
    "greeting",
    "package.json",
  );
  await git("commit", "--quiet", "--message", "as it was");
  writeFileSync(join(project.folder, "greeting/rootfs/opt/greeting/text"), "another\n");
  const change = await previewOf("--base", "HEAD", "--stack", "dev");
  const rebuilt = change.stages.filter(({ verdict }) => verdict !== "unchanged").map(({ name }) => name);
  assert.deepEqual(rebuilt, ["greeting", "my-chat"]);
});

const tsconfig = {
  compilerOptions: {
    target: "ES2024",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: [],
  },
};
/** What is right, and what the types have to refuse. */
const typed = `
import { type CustomNode, type Extension, extendRecipe, type ImageSettings, type Layer, node, studio } from "strata";
import program from "strata/program";

const layer: Layer = { name: "ours", summary: "ours", parents: ({ llama }) => (llama.enabled ? [] : ["toolbox"]) };
const pinned: CustomNode = node("owner/name");
const extension: Extension = { name: "more", layers: [layer], nodes: [pinned] };
extendRecipe(studio, extension);
// @ts-expect-error: a recipe has a name
extendRecipe(studio, {});
// @ts-expect-error: no such generation
export const settings: ImageSettings = { generation: "voodoo" };
export type Program = typeof program;
`;

test("a program of one's own has strict types, and composes components with Inputs and Outputs", async () => {
  const [program = ""] = blocksOf("docs/package.md", "ts");
  const folder = project.program("shop", {
    "package.json": '{"type": "module"}',
    "Pulumi.yaml":
      "name: shop\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
    "Pulumi.dev.yaml": "config: {}\n",
    "index.ts": program,
    "typed.ts": typed,
    "tsconfig.json": JSON.stringify(tsconfig),
  });
  // As a project with a tsconfig.json has it.
  symlinkSync(join(repository, "node_modules/typescript"), join(project.folder, "node_modules/typescript"));
  const tsc = await project.call("node", ["node_modules/typescript/bin/tsc", "-p", "."], {
    cwd: folder,
    reject: false,
  });
  assert.equal(tsc.stdout, "");

  await project.pulumi(folder, "stack", "init", "dev");
  await project.pulumi(folder, "config", "set", "--secret", "password", "not for states", "--stack", "dev");
  const { stdout } = await project.pulumi(folder, "preview", "--json", "--stack", "dev");
  const steps: { urn: string; newState: { type: string; inputs: Record<string, unknown> } }[] =
    JSON.parse(stdout).steps;
  const inputsOf = (resource: string) =>
    steps.find(({ urn }) => urn.endsWith(`:${resource}`))?.newState.inputs ?? {};
  const system = JSON.stringify(inputsOf("Image::chat-system"));
  assert.match(system, /name=registry\.example\.org\/team\/chat:stage-system-/);
  assert.match(system, /"location":"[^"]*\.strata\/contexts\/system-/);
  assert.match(
    JSON.stringify(inputsOf("Command::chat")),
    /"STRATA_TARGET":"registry\.example\.org\/team\/chat:product-starter-/,
  );
  assert.doesNotMatch(stdout, /not for states/);
  for (const [name, step] of Object.entries({
    chat: "product-image",
    "chat-test": "smoke-test",
    "chat-tags": "promotion",
  })) {
    const [, path = ""] = /^node (\S+)$/.exec(String(inputsOf(`Command::${name}`).create)) ?? [];
    assert.match(path, new RegExp(`node_modules/strata/dist/tools/steps/${step}\\.js$`));
    assert.ok(existsSync(join(folder, path)), path);
  }
});
