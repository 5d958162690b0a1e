/** `npm run import` of each kind, with the real git and uv, up to a preview. comfyui.test.ts builds what one gives. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { strToU8, zipSync } from "fflate";
import { formatModelLock, modelLockPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import { nodeLockPath } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import { findRecipe } from "../../recipes/index.ts";
import { ImportReport } from "../../tools/commands/import/import-report.ts";
import { attempt } from "../../tools/program/exec.ts";
import { cloneTo } from "../support/clone.ts";
import { startComfyRegistry } from "../support/comfy-registry.ts";
import { fixtureOrigin, fixturePath, makeFixtures } from "../support/comfyui-fixtures.ts";
import { commitTo, type GitServer, startGitServer } from "../support/git-server.ts";
import { type PythonIndex, startPythonIndex } from "../support/python-index.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-import-test-"));
const clone = join(folder, "strata");
const owner = `${fixtureOrigin}fixtures`;
const weights = "weights of a model\n";
let git: GitServer;
let index: PythonIndex;
let registry: Awaited<ReturnType<typeof startComfyRegistry>>;
/** Commits of the fixtures, and of the two versions of the node in the registry. */
let commits: Readonly<Record<string, string>> = {};

before(async () => {
  cloneTo(clone);
  const repositories = join(folder, "git");
  commits = await makeFixtures(repositories);
  const registered = (version: string) =>
    commitTo(fixturePath(repositories, "registered"), {
      files: {
        "__init__.py": "NODE_CLASS_MAPPINGS = {}\n",
        "pyproject.toml": `[project]\nname = "registered"\nversion = "${version}"\n`,
      },
    });
  commits = { ...commits, first: await registered("1.0.0"), second: await registered("1.1.0") };
  git = await startGitServer(repositories);
  registry = await startComfyRegistry({
    registered: { repository: `${owner}/registered`, versions: { "1.0.0": "2026-01-01T00:05:00Z" } },
  });
  index = await startPythonIndex();
  const lock = "locks/python/wan22-py3.11-cu13.0.txt";
  const packages = parsePythonLock(readFileSync(join(clone, lock), "utf8"), lock);
  await index.add(
    ...[...packages].map(([name, { version }]) => ({ name, version })),
    { name: "six", version: "1.17.0" },
    { name: "six", version: "1.16.0" },
    { name: "humanize", version: "4.0" },
  );
  const catalogue = parseModelLock(readFileSync(join(clone, modelLockPath), "utf8"));
  const known = {
    folder: "models/vae",
    name: "known.bin",
    url: "https://example.com/known.bin",
    size: weights.length,
    sha256: createHash("sha256").update(weights).digest("hex"),
    licence: null,
    source: "test",
    gated: null,
  };
  const models = [...catalogue.models, known];
  writeFileSync(join(clone, modelLockPath), formatModelLock({ ...catalogue, models }));
});
after(async () => {
  await git?.stop();
  await registry?.stop();
  await index?.stop();
  rmSync(folder, { recursive: true });
});

/** Runs the command in the clone; answers its report. */
async function importing(name: string, what: readonly string[], ...options: string[]) {
  const mirrors = [
    `https://github.com/Comfy-Org/ComfyUI=${git.address}fixtures/ComfyUI`,
    `${fixtureOrigin}=${git.address}`,
    `https://api.comfy.org/=${registry.address}`,
  ].flatMap((mirror) => ["--mirror", mirror]);
  const words = ["tools/commands/import.ts", ...what, "--name", name, "--json", ...mirrors, ...options];
  const env = { UV_DEFAULT_INDEX: index.address, UV_CACHE_DIR: join(folder, "cache"), UV_NO_CONFIG: "1" };
  const result = await attempt(process.execPath, words, { cwd: clone, env });
  assert.match(result.stdout, /^\{/, result.all);
  return ImportReport.parse(JSON.parse(result.stdout));
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const unlocked = ({ locks }: ImportReport) => locks.filter(({ made }) => !made);
const leftOf = ({ left }: ImportReport) => left.map(({ what }) => what);
const nodesOf = ({ nodes }: ImportReport) =>
  Object.fromEntries(nodes.map(({ name, commit }) => [name, commit]));

test("a snapshot of Manager's: commits, the registry's version, switched off nodes, versions of packages", async () => {
  const node = (name: string, disabled = false) => [
    `${owner}/${name}.git`,
    { hash: commits[name], disabled },
  ];
  const snapshot = {
    comfyui: commits.ComfyUI,
    git_custom_nodes: {
      ...Object.fromEntries([
        node("requirements"),
        node("address"),
        node("disabled", true),
        node("submodule"),
      ]),
      [`${owner}/gone`]: { hash: "1".repeat(40), disabled: false },
    },
    cnr_custom_nodes: { registered: "1.0.0", unknown: "1.0.0" },
    file_custom_nodes: [{ filename: "mine.py", disabled: false }],
    pips: { "six==1.16.0": "", "leftover==1.0": "", "torch==2.1": "" },
  };
  const report = await importing("from-snapshot", [file("snapshot.json", JSON.stringify(snapshot))]);
  assert.deepEqual(unlocked(report), []);
  assert.equal(report.comfyui.commit, commits.ComfyUI);
  assert.deepEqual(nodesOf(report), {
    "fixtures/requirements": commits.requirements,
    "fixtures/address": commits.address,
    "fixtures/disabled": commits.disabled,
    "fixtures/submodule": commits.submodule,
    "fixtures/registered": commits.first,
  });
  assert.deepEqual(leftOf(report), [
    "node mine.py",
    "node unknown@1.0.0",
    `fixtures/address: requirement git+${owner}/tool.git`,
    `node ${owner}/gone`,
  ]);
  // What was there stays where it is asked for, although there is a newer one.
  assert.deepEqual(report.packages, { kept: 1, moved: [], unasked: ["leftover"] });
  assert.deepEqual(report.next, ["make preview STACK=from-snapshot"]);
  assert.ok(registry.asked.every((path) => !path.includes("install")));
});

test("comfy-cli's lock: models by address and hash, of which the open ones are told", async () => {
  const text = [
    "models:",
    "  - model: known.bin",
    "    paths: [{path: models/vae/known.bin}]",
    "  - model: new.bin",
    "    url: https://example.com/new.bin",
    "    paths: [{path: models/loras}]",
    "custom_nodes:",
    "  git_custom_nodes:",
    `    ${owner}/plain: {disabled: false, hash: ${commits.plain}}`,
  ];
  const report = await importing("from-lock", [file("comfy-lock.yaml", text.join("\n"))]);
  assert.deepEqual(unlocked(report), []);
  assert.deepEqual(report.models, { listed: 2, incomplete: 1 });
  assert.match(report.next[0] ?? "", /lock -- --recipe \S+from-lock\/recipe\.ts models$/);
});

test("a pack: the models with their hashes are locked, its workflow comes along", async () => {
  const sha256 = "ab".repeat(32);
  const snapshot = {
    python: "3.11",
    comfyui: commits.ComfyUI,
    models: [
      {
        filename: "models/vae/packed.bin",
        size: 7,
        sha256,
        source: { download_url: "https://huggingface.co/o/r/resolve/main/packed.bin" },
      },
    ],
    custom_nodes: [{ url: `${owner}/plain.git`, commit_hash: commits.plain, disabled: false }],
  };
  const workflow = { "1": { class_type: "VAELoader", inputs: { vae_name: "packed.bin" } } };
  const pack = zipSync({
    "snapshot.json": strToU8(JSON.stringify(snapshot)),
    "workflow_api.json": strToU8(JSON.stringify(workflow)),
  });
  const report = await importing("from-pack", [file("a.cpack.zip", pack)]);
  assert.deepEqual([unlocked(report), report.models], [[], { listed: 1, incomplete: 0 }]);
  const own = join(folder, "from-pack");
  assert.equal(parseModelLock(readFileSync(join(own, modelLockPath), "utf8")).models[0]?.sha256, sha256);
  assert.ok(existsSync(join(own, "workflows/workflow_api.json")));
});

test("a folder of ComfyUI: nothing in it runs, a model is known by its hash", async () => {
  const comfyui = join(folder, "ComfyUI");
  const ran = join(folder, "ran");
  const checkout = (path: string, url: string, commit = "") => {
    mkdirSync(join(comfyui, path, ".git"), { recursive: true });
    writeFileSync(join(comfyui, path, ".git/HEAD"), `${commit}\n`);
    const config = `[core]\n\tfsmonitor = touch ${ran}\n\tsshCommand = touch ${ran}\n[remote "origin"]\n\turl = ${url}\n`;
    writeFileSync(join(comfyui, path, ".git/config"), config);
  };
  checkout("", "https://github.com/comfyanonymous/ComfyUI.git", commits.ComfyUI);
  checkout("custom_nodes/plain", `${owner}/plain.git`, commits.plain);
  checkout("custom_nodes/.disabled/requirements@nightly", `${owner}/requirements.git`, commits.requirements);
  const tracked = join(comfyui, "custom_nodes/registered");
  mkdirSync(tracked);
  writeFileSync(join(tracked, ".tracking"), "");
  writeFileSync(join(tracked, "pyproject.toml"), '[project]\nname = "registered"\nversion = "1.0"\n');
  writeFileSync(join(comfyui, "main.py"), `open(${JSON.stringify(ran)}, "w")\n`);
  mkdirSync(join(comfyui, "models/checkpoints"), { recursive: true });
  writeFileSync(join(comfyui, "models/checkpoints/mine.bin"), weights);
  writeFileSync(join(comfyui, "models/checkpoints/other.bin"), "nobody knows\n");
  writeFileSync(join(comfyui, "models/checkpoints/put_checkpoints_here"), "");
  const report = await importing("from-folder", [comfyui], "--models");
  assert.deepEqual(unlocked(report), []);
  assert.equal(report.comfyui.commit, commits.ComfyUI);
  assert.deepEqual(
    report.nodes.map(({ name, commit, disabled }) => [name, commit, disabled]),
    [
      ["fixtures/plain", commits.plain, false],
      ["fixtures/registered", commits.first, false],
      ["fixtures/requirements", commits.requirements, true],
    ],
  );
  assert.deepEqual(leftOf(report), ["model models/checkpoints/other.bin"]);
  assert.deepEqual(report.models, { listed: 1, incomplete: 0 });
  assert.ok(!existsSync(ran));
});

test("a Dockerfile of the worker: the worker's packages, nodes, models and packages of its own", async () => {
  const lines = [
    "FROM runpod/worker-comfyui:5.8.5-base",
    "RUN comfy-node-install registered",
    `RUN git clone ${owner}/plain /comfyui/custom_nodes/plain`,
    "RUN uv pip install humanize",
    "RUN comfy model download --url https://example.com/x.bin --relative-path models/vae --filename x.bin",
    "COPY input/ /comfyui/input/",
  ];
  const report = await importing("from-worker", [file("Dockerfile", lines.join("\n"))]);
  assert.deepEqual(unlocked(report), []);
  assert.deepEqual(nodesOf(report), {
    "fixtures/registered": commits.second,
    "fixtures/plain": commits.plain,
  });
  assert.deepEqual(report.models, { listed: 1, incomplete: 1 });
  const lock = readFileSync(join(folder, "from-worker/locks/python/from-worker-py3.11-cu13.0.txt"), "utf8");
  assert.match(lock, /^humanize==4\.0 /m);
  assert.match(lock, /^runpod==/m);
});

test("workflows alone: nodes by the class index at strata's own commits, models by the catalogue", async () => {
  const report = await importing("from-workflow", [join(clone, "recipes/workflows/wan22-i2v.json")]);
  assert.deepEqual(unlocked(report), []);
  assert.ok("city96/ComfyUI-GGUF" in nodesOf(report));
  assert.equal(report.models.listed, 7);
  // All of it is in strata's own lock.
  assert.ok(!existsSync(join(folder, "from-workflow", nodeLockPath)));
});

test("every one of them ends in a preview, and its locks fit", async () => {
  const names = readdirSync(clone).flatMap((name) => /^Pulumi\.(from-.+)\.yaml$/.exec(name)?.[1] ?? []);
  assert.equal(names.length, 6);
  const stacks = names.flatMap((name) => ["--stack", name]);
  const words = ["tools/commands/preview.ts", "--offline", "--json", ...stacks];
  const preview = await attempt(process.execPath, words, { cwd: clone });
  const shown = JSON.parse(preview.stdout).stacks as { stack: string; verdict: string; stages: object[] }[];
  for (const { stack, verdict, stages } of shown) {
    assert.notEqual(verdict, "failed", `${stack}: ${preview.all}`);
    assert.ok(JSON.stringify(stages).includes(`"nodes-${stack}"`), stack);
  }
});

test("without a network the recipe is there, and the report says which lock is not", async () => {
  const text = JSON.stringify({
    git_custom_nodes: { "https://git.offline.example/a/b": { hash: commits.plain } },
  });
  const nowhere = ["--mirror", "https://git.offline.example/=git://127.0.0.1:1/"];
  const report = await importing("offline", [file("offline.json", text)], ...nowhere);
  assert.deepEqual(
    unlocked(report).map(({ path }) => path),
    [nodeLockPath, "locks/python/offline-py3.11-cu13.0.txt"],
  );
  assert.match(unlocked(report)[0]?.problem ?? "", /a\/b|git:\/\/127/);
  assert.match(report.next[0] ?? "", /npm run lock -- --recipe \S+offline\/recipe\.ts$/);
  assert.deepEqual(
    (await findRecipe(join(folder, "offline/recipe.ts"))).recipe.comfyui?.groups.at(-1)?.nodes,
    [{ repository: "https://git.offline.example/a/b", ref: commits.plain }],
  );
});
