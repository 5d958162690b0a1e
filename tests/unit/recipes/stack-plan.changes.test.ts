/** One change of each kind to the real recipes: the preview names exactly its causes, and nothing else changes. */
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { repository } from "../../../home.ts";
import { sourceWheel, wheelStage } from "../../../layers/source-wheel/layer.ts";
import { formatNodeLock, type NodeLock, nodeLockPath, parseNodeLock } from "../../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../../lib/locks/python-lock.ts";
import { parseSourceLock } from "../../../lib/locks/source-lock.ts";
import { layerContext } from "../../../lib/plan/context.ts";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import { type Plan, planRecipe } from "../../../lib/plan/plan.ts";
import type { PlannedStack } from "../../../lib/preview/preview-schema.ts";
import { isConsequence } from "../../../lib/preview/words.ts";
import type { Recipe } from "../../../lib/recipe/recipe.ts";
import { recipes } from "../../../recipes/index.ts";
import { writeFile } from "../../support/layers.ts";
import { plannedBy, previewBetween, previewLabels } from "../../support/preview.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What `file:` inputs of the product are called. */
const product = (recipe: string) => `file recipes/${recipe}.ts (image configuration)`;
const description = "file layers/runtime/layer.ts (rootfs/opt/strata/image.json)";
/** What the stage that looks at all packages gets of another version. */
const distributions = "file layers/verify/layer.ts (distributions.txt)";

interface Change {
  /** Settings before, and those that differ after. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly after?: Readonly<Record<string, string>>;
  /** What is done to the checkout in between. */
  readonly edit?: (root: string) => void;
  /** A lock of its own belongs to it: which packages differ there is no matter of this test. */
  readonly otherLock?: boolean;
  /** Another commit changed an input. */
  readonly commit?: string;
  /** The causes of each stage that has one of its own; everything else that changes only follows its parents. */
  readonly causes?: Readonly<Record<string, readonly string[]>>;
  readonly created?: readonly string[];
  readonly removed?: readonly string[];
  /** `kind name` of what changes beside the stages. */
  readonly settled?: readonly string[];
}

const git = { source: "git", commit: "c".repeat(40) };
const mirror = { mirrors: '{"https://github.com/":"https://mirror.example/"}' };
const append = (path: string) => (root: string) => appendFileSync(join(root, path), "\n# changed\n");

const changes: Readonly<Record<string, Change>> = {
  "a file of a layer": {
    edit: append("layers/runtime/rootfs/opt/strata/runtime/entrypoint"),
    causes: { runtime: ["file layers/runtime/rootfs/opt/strata/runtime/entrypoint"] },
  },
  "a file that can be executed": {
    edit: (root) => chmodSync(join(root, "layers/runtime/rootfs/opt/strata/runtime/control.conf"), 0o755),
    causes: { runtime: ["file layers/runtime/rootfs/opt/strata/runtime/control.conf"] },
  },
  "a new file": {
    edit: (root) => writeFile(root, "layers/backend/rootfs/opt/strata/backend/new.py", "pass\n"),
    causes: { backend: ["file layers/backend/rootfs/opt/strata/backend/new.py"] },
  },
  "a file that is gone": {
    edit: (root) => rmSync(join(root, "layers/torch/verify.py")),
    causes: { torch: ["file layers/torch/verify.py"] },
  },
  "a file that several layers share": {
    edit: append("layers/shared/finish.sh"),
    causes: Object.fromEntries(
      [
        "cuda",
        "llama-source",
        "llama-cpp",
        "python",
        "torch",
        "attention",
        "backend",
        "verify",
        "counting-model",
        "runtime",
      ].map((layer) => [layer, ["file layers/shared/finish.sh"]]),
    ),
  },
  "a parent of everything": {
    edit: append("layers/toolbox/install.sh"),
    causes: { toolbox: ["file layers/toolbox/install.sh"] },
  },
  "an argument": {
    settings: { generation: "ada" },
    after: { llama: '{"vmm":false}' },
    causes: { "llama-cpp": ["argument CUDA_VMM"] },
  },
  "a package's version": {
    edit: (root) => editLock(root, { supervisor: { version: "99.0" } }),
    causes: { backend: ["package supervisor"], verify: [distributions] },
  },
  "a package's files under the same version": {
    edit: (root) => editLock(root, { supervisor: {} }),
    causes: { backend: ["package supervisor"] },
  },
  "a refreshed lock": {
    edit: (root) =>
      editLock(root, {
        fastapi: { version: "99.0" },
        sympy: { version: "99.0" },
        "nvidia-cudnn-cu13": { version: "99.0" },
      }),
    causes: {
      backend: ["package fastapi"],
      torch: ["package sympy"],
      cuda: ["package nvidia-cudnn-cu13"],
      verify: [distributions],
    },
  },
  "a pinned digest": {
    edit: (root) => {
      const path = join(root, "locks/images.json");
      const lock = JSON.parse(readFileSync(path, "utf8"));
      lock["debian-bookworm"].digest = `sha256:${"1".repeat(64)}`;
      writeFileSync(path, JSON.stringify(lock));
    },
    causes: {
      interpreter: ["pin debian-bookworm"],
      toolbox: ["pin debian-bookworm"],
      system: ["pin debian-bookworm"],
      starter: [product("starter")],
    },
  },
  "another base and Python": {
    after: { base: "ubuntu-24.04", python: "3.12" },
    otherLock: true,
    causes: {
      ...Object.fromEntries(
        ["interpreter", "toolbox", "system"].map((layer) => [
          layer,
          [
            // Ubuntu's packages are not locked, and come by their names.
            `file layers/${layer}/layer.ts (locked-packages.txt)`,
            `file layers/${layer}/layer.ts (packages.txt)`,
            "pin debian-bookworm",
            "pin ubuntu-24.04",
          ],
        ]),
      ),
      cuda: ["argument PYTHON"],
      python: ["argument PYTHON"],
      torch: ["argument PYTHON"],
      attention: ["argument PYTHON"],
      backend: ["argument PYTHON"],
      verify: ["argument PYTHON"],
      starter: [product("starter")],
    },
  },
  "another generation": {
    settings: { generation: "ada" },
    after: { generation: "hopper" },
    causes: {
      "llama-cpp": ["argument CUDA_ARCHITECTURES"],
      runtime: [description],
      starter: [product("starter")],
    },
    settled: ["tag starter-hopper", "tag starter-ada"],
  },
  "another attention kernel": {
    after: { attention: '["triton"]' },
    causes: {
      attention: ["argument KERNELS", "package sageattention"],
      verify: [distributions],
      runtime: [description],
    },
  },
  "another source of llama.cpp": {
    after: { llama: JSON.stringify(git) },
    causes: {
      "llama-source": [
        "argument GIT_LOCATION",
        "argument SDIST_HASH",
        "argument SDIST_VERSION",
        "argument SOURCE",
        "argument VERSION",
        "pin llama.cpp",
      ],
      "llama-cpp": ["argument VERSION", "pin llama.cpp"],
      runtime: [description],
    },
  },
  "no web page of llama.cpp": {
    after: { llama: '{"ui":false}' },
    causes: { "llama-source": ["argument UI", "pin Node"], runtime: [description] },
  },
  "no llama.cpp": {
    after: { llama: '{"enabled":false}' },
    removed: ["llama-cpp", "counting-model"],
    causes: {
      runtime: [description],
      starter: [product("starter"), "parent llama-cpp", "parent counting-model"],
    },
  },
  "a mirror of a compiled source": {
    settings: { llama: JSON.stringify(git) },
    after: mirror,
    causes: { "llama-source": ["argument GIT_LOCATION"] },
  },
  "a mirror of nodes": {
    settings: { recipe: "studio" },
    after: mirror,
    causes: {
      ...Object.fromEntries(
        recipes.studio.comfyui?.groups.map(({ name }) => [
          `nodes-${name}`,
          ["file layers/nodes/layer.ts (Dockerfile)"],
        ]) ?? [],
      ),
      ...Object.fromEntries(
        Object.keys(recipes.studio.resolution?.gitPackages ?? {}).map((name) => [
          wheelStage(name),
          ["file layers/source-wheel/layer.ts (Dockerfile)"],
        ]),
      ),
      comfyui: ["file layers/comfyui/layer.ts (Dockerfile)"],
    },
  },
  "a node's commit": {
    settings: { recipe: "studio" },
    edit: (root) => moveNode(root, "kijai/ComfyUI-KJNodes"),
    causes: {
      "nodes-fundamentals": [
        "file layers/nodes/layer.ts (Dockerfile)",
        "file layers/nodes/layer.ts (nodes/ComfyUI-KJNodes.json)",
        "pin ComfyUI-KJNodes",
      ],
    },
  },
  "another commit that changes only labels": {
    commit: "a".repeat(40),
    causes: { starter: [product("starter")] },
  },
  "another registry": {
    after: { registry: '{"kind":"local","repository":"elsewhere"}' },
    settled: ["registry repository"],
  },
  "other tags": { after: { tags: '["latest"]' }, settled: ["tag latest", "tag starter-cpu"] },
  "a smoke check": { edit: append("smoke/checks/10_imports.py"), settled: ["checks smoke/"] },
  "other certificates, which are a secret of the build": { after: { certificates: "none" } },
  "another builder": { after: { builder: "other" } },
};

for (const [title, change] of Object.entries(changes)) {
  test(`the preview names exactly what changes: ${title}`, (t) => {
    const preview = previewOfChange(t, change);
    const own = preview.stages.flatMap(({ name, verdict, causes }) => {
      const reasons = causes.filter(
        (cause) => !isConsequence(cause) && !(change.otherLock && isOfLock(cause)),
      );
      return verdict === "rebuild" && reasons.length > 0 ? [[name, reasons.map(shown).sort()] as const] : [];
    });
    const expected = Object.entries(change.causes ?? {}).map(
      ([name, causes]) => [name, [...causes].sort()] as const,
    );
    assert.deepEqual(Object.fromEntries(own), Object.fromEntries(expected));
    assert.deepEqual(verdicts(preview, "create"), change.created ?? []);
    assert.deepEqual(verdicts(preview, "remove"), change.removed ?? []);
    assert.deepEqual(preview.settings.map(shown), change.settled ?? []);
    assert.deepEqual(verdicts(preview, "rebuild"), followers(preview, Object.keys(change.causes ?? {})));
    const quiet = expected.length === 0 && !change.settled && !change.removed;
    assert.equal(preview.verdict, quiet ? "unchanged" : "changed");
  });
}

test("another recipe: what both have is kept, the rest is new or gone", () => {
  const preview = previewBetween(plannedBy(repository), plannedBy(repository, { recipe: "studio" }));
  assert.deepEqual(verdicts(preview, "remove"), ["starter"]);
  for (const kept of ["toolbox", "cuda", "llama-cpp"])
    assert.ok(verdicts(preview, "unchanged").includes(kept));
  assert.ok(verdicts(preview, "create").includes("studio"));
  assert.deepEqual(preview.before.recipe, "starter");
});

test("a node that is added changes its group and what describes the image", () => {
  const { studio } = recipes;
  const node = { repository: "https://github.com/Amorano/Jovi_Colorizer" };
  const [first, ...others] = studio.comfyui?.groups ?? [];
  assert.ok(studio.comfyui && first);
  const groups = [{ ...first, nodes: [...first.nodes, node] }, ...others];
  const planned = plannedBy(repository, { recipe: "studio" });
  const more = planOf({ ...studio, comfyui: { ...studio.comfyui, groups } });
  const preview = previewBetween({ ...planned, plan: planOf(studio) }, { ...planned, plan: more });
  assert.deepEqual(
    preview.stages
      .filter(({ verdict }) => verdict !== "unchanged")
      .map(({ name, causes }) => [name, causes.filter((cause) => !isConsequence(cause)).map(shown)]),
    [
      [
        "nodes-fundamentals",
        [
          "file layers/nodes/layer.ts (Dockerfile)",
          "file layers/nodes/layer.ts (nodes/Jovi_Colorizer.json)",
          "pin Jovi_Colorizer",
        ],
      ],
      ["runtime", [description]],
      ["studio", []],
    ],
  );
  assert.deepEqual(
    preview.nodes.map(({ name, before }) => [name, before]),
    [["Jovi_Colorizer", null]],
  );
});

/** A recipe with the locks of this repository. */
function planOf(recipe: Recipe): Plan {
  const choices = { ...parseConfig({}), recipe: recipe.name };
  const read = (path: string) => readFileSync(join(repository, path), "utf8");
  const path = lockPath({ recipe: "studio", python: "3.11", cuda: "13.0" });
  const context = layerContext(choices, {
    recipe,
    base: { name: "debian-bookworm", reference: `base@sha256:${"b".repeat(64)}`, python: "3.11" },
    sources: parseSourceLock(read("locks/sources.json")),
    nodes: nodeLock(repository),
  });
  const lock = { path, distributions: parsePythonLock(read(path), path) };
  return planRecipe(recipe, context, {
    layersFolder: join(repository, "layers"),
    lock,
    labels: previewLabels,
    sourceWheel,
  });
}

function previewOfChange(t: TestContext, { settings = {}, after = {}, edit, commit }: Change): PlannedStack {
  const root = edit ? checkout(t) : repository;
  const before = plannedBy(root, settings);
  edit?.(root);
  const labelled = commit ? { ...previewLabels, revision: commit } : previewLabels;
  return previewBetween(before, plannedBy(root, { ...settings, ...after }, { labelled }));
}

/** What a plan reads, to be changed. */
function checkout(t: TestContext): string {
  const root = temporaryFolder(t);
  for (const folder of ["layers", "locks", "smoke"]) {
    cpSync(join(repository, folder), join(root, folder), { recursive: true });
  }
  return root;
}

/** Whether a cause is another version of a package. */
function isOfLock(cause: { kind: string; name: string }): boolean {
  return cause.kind.endsWith("package") || shown(cause) === distributions;
}

function shown({ kind, name }: { kind: string; name: string }): string {
  return `${kind} ${name}`;
}

function verdicts(preview: PlannedStack, wanted: string): string[] {
  return preview.stages.filter(({ verdict }) => verdict === wanted).map(({ name }) => name);
}

/** The stages `names` and everything that is built from them, in the plan's order. */
function followers({ stages }: PlannedStack, names: readonly string[]): string[] {
  const found = new Set(names);
  for (const { name, parents } of stages) if (parents.some((parent) => found.has(parent))) found.add(name);
  return stages.filter(({ name }) => found.has(name)).map(({ name }) => name);
}

/** Gives packages of starter's lock another version or, without one, another hash. */
function editLock(root: string, edits: Readonly<Record<string, { version?: string }>>): void {
  const name = { recipe: "starter", python: "3.11", cuda: "13.0" } as const;
  const path = join(root, lockPath(name));
  const text = readFileSync(path, "utf8");
  const body = text.slice(text.search(/^[^#]/m));
  const edited = Object.entries(edits).reduce((rest, [distribution, { version }]) => {
    const entry = new RegExp(`^${distribution}==(\\S+)( \\\\\\n +--hash=sha256:)[0-9a-f]{64}`, "m");
    assert.match(rest, entry);
    return rest.replace(
      entry,
      (_, was, hash) => `${distribution}==${version ?? was}${hash}${"0".repeat(64)}`,
    );
  }, body);
  const inputs = lockInputs(recipes.starter, name, nodeLock(root));
  writeFileSync(path, `${lockHeader(name, recipes.starter, inputs, edited)}${edited}`);
}

function nodeLock(root: string): NodeLock {
  return parseNodeLock(readFileSync(join(root, nodeLockPath), "utf8"));
}

function moveNode(root: string, name: string): void {
  const lock = nodeLock(root);
  const node = lock.repositories[name];
  assert.ok(node);
  const moved = {
    ...lock,
    repositories: { ...lock.repositories, [name]: { ...node, commit: "e".repeat(40) } },
  };
  writeFileSync(join(root, nodeLockPath), formatNodeLock(moved));
}
