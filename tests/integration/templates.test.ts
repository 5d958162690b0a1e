/** Reads every workflow template that ComfyUI publishes: each is resolved in full, or says what is not known. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { cache, repository } from "../../home.ts";
import { analyse, type Needs } from "../../lib/comfyui/workflow/analyse.ts";
import { classIndex } from "../../lib/comfyui/workflow/class-index.ts";
import { settled } from "../../lib/comfyui/workflow/known/settled-classes.ts";
import { readWorkflow } from "../../lib/comfyui/workflow/read.ts";
import { nodeClassesPath, parseNodeClasses } from "../../lib/locks/node-classes.ts";
import { installWheels } from "../../tools/lint/wheels.ts";

const requirements = "tests/integration/templates-requirements.txt";
const classes = classIndex(parseNodeClasses(readFileSync(join(repository, nodeClassesPath), "utf8")));
const modelFile = /^[^\n]+\.(safetensors|sft|ckpt|pt|pth|bin|gguf|onnx|pkl)$/;

interface RawNode {
  readonly type: string;
  readonly mode?: number;
  readonly widgets_values?: unknown;
  readonly properties?: { readonly models?: readonly { name: string; directory: string }[] };
}
interface RawWorkflow {
  readonly nodes: readonly RawNode[];
  readonly definitions?: { readonly subgraphs?: readonly { id: string; nodes: readonly RawNode[] }[] };
}

test("every published template is resolved in full, or says exactly what is unknown", async (t) => {
  const folder = await templates();
  if ("missing" in folder) return t.skip(folder.missing);
  const paths = globSync("comfyui_workflow_templates_json/templates/*.json", { cwd: folder.path }).sort();
  const workflows = paths.flatMap((path) => {
    const bytes = readFileSync(join(folder.path, path));
    const raw = JSON.parse(bytes.toString("utf8"));
    // Beside the workflows lie their index in many languages and its schema.
    return Array.isArray(raw.nodes) ? [{ path: basename(path), bytes, raw: raw as RawWorkflow }] : [];
  });
  assert.equal(workflows.length, 644);

  let complete = 0;
  let files = 0;
  const unknown = new Set<string>();
  for (const { path, bytes, raw } of workflows) {
    const needs = analyse([readWorkflow(bytes, path)], classes);
    const problems = needs.nodes.filter(({ problem }) => problem !== null);
    for (const { type, repository: found, problem } of needs.nodes) {
      assert.ok(
        found !== null || (problem ?? "") !== "",
        `${path}: ${type} has neither a repository nor a reason`,
      );
    }
    for (const { problem } of needs.unresolved) assert.match(problem, /\S+ .+\.$/);
    assertNothingMissed(path, raw, needs);
    assertLoadersAnswered(path, raw, needs);
    for (const { type } of problems) unknown.add(type);
    if (problems.length + needs.unresolved.length === 0) complete++;
    files += needs.files.length;
  }
  t.diagnostic(
    `${complete} of ${workflows.length} templates in full (${((100 * complete) / workflows.length).toFixed(1)} %), ${files} files; ${unknown.size} classes that the locked ComfyUI and ComfyUI-Manager do not know`,
  );
  // What is published keeps up with ComfyUI, and the lock may be older: so not all of them.
  assert.ok(complete > 0.75 * workflows.length, `only ${complete} templates are resolved in full`);
});

/** Judged from the file itself: whatever looks like a model in a node that runs was found, and in the folder it says. */
function assertNothingMissed(path: string, raw: RawWorkflow, needs: Needs): void {
  const told = [
    ...needs.files.map(({ name }) => name),
    ...needs.unresolved.map(({ problem }) => problem),
  ].join("\n");
  for (const node of running(raw)) {
    const values = Object.values(node.widgets_values ?? {});
    for (const value of values.filter((each) => typeof each === "string" && modelFile.test(each))) {
      assert.ok(told.includes(String(value)), `${path}: ${node.type} asks for ${value}, which was not found`);
    }
    for (const { name, directory } of node.properties?.models ?? []) {
      const file = needs.files.find((each) => each.name === name);
      if (file)
        assert.ok(file.folders.includes(`models/${directory}`), `${path}: ${name} is not in ${directory}`);
    }
  }
}

/** Judged from the index: a class whose code opens models has a file, or it is said why none is known. */
function assertLoadersAnswered(path: string, raw: RawWorkflow, needs: Needs): void {
  const answered = new Set([
    ...needs.files.flatMap(({ askedBy }) => askedBy.map(({ type }) => type)),
    ...needs.unresolved.map(({ node }) => node.type),
    ...needs.unused.map(({ type }) => type),
    ...needs.nodes.filter(({ problem }) => problem !== null).map(({ type }) => type),
  ]);
  for (const { type, widgets_values: values } of running(raw)) {
    const opened = classes.opens(type);
    if (answered.has(type) || settled(type) !== undefined) continue;
    assert.notEqual(opened, "unknown", `${path}: nobody knows what ${type} loads, and nothing says so`);
    const isOpen =
      typeof opened === "object" &&
      opened.some(({ calls }) => calls.some((call) => !call.startsWith("?node ")));
    assert.ok(!isOpen, `${path}: ${type} loads what nothing is said of`);
    // A loader with a file among its values, and no file in the answer.
    const names = Object.values(values ?? {}).some(
      (value) => typeof value === "string" && modelFile.test(value),
    );
    const isLoader = Object.keys(classes.modelInputs(type)).length > 0;
    assert.ok(!(isLoader && names), `${path}: ${type} names a file, and nothing is said of it`);
  }
}

function* running(raw: RawWorkflow): Generator<RawNode> {
  const subgraphs = new Map(raw.definitions?.subgraphs?.map((each) => [each.id, each.nodes]));
  const open = [...raw.nodes];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.mode === 2 || node.mode === 4 || /Note$/.test(node.type)) continue;
    const inner = subgraphs.get(node.type);
    if (inner) open.push(...inner);
    else yield node;
  }
}

/** The package's folder, from the cache or the package index. */
async function templates(): Promise<{ path: string } | { missing: string }> {
  const hash = createHash("sha256").update(readFileSync(join(repository, requirements)));
  const path = join(cache, `templates-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(path)) return { path };
  const missing = await installWheels(requirements, path, "python3");
  return missing === undefined ? { path } : { missing };
}
