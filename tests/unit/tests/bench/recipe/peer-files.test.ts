import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parsePythonLock } from "../../../../../lib/locks/python-lock.ts";
import { changeScript, writeStack } from "../../../../bench/recipe/changes.ts";
import { type Contents, readContents } from "../../../../bench/recipe/contents.ts";
import { writePeerFiles } from "../../../../bench/recipe/peer-files.ts";
import { imageGroups, nodeGroups } from "../../../../bench/recipe/peer-packages.ts";
import { cloneTo } from "../../../../support/clone.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-peers-"));
const root = join(folder, "clone");
let contents: Contents;

before(async () => {
  cloneTo(root);
  writeStack(root, "bench", {
    recipe: "studio",
    generation: "ada",
    tags: ["x"],
    llama: { enabled: true, source: "sdist" },
  });
  contents = await readContents(root, join(folder, "home"), "bench");
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** Text of every file of the peers, by path. */
function peerFiles(): Record<string, string> {
  const target = join(folder, "peers");
  writePeerFiles(target, contents);
  const files = globSync("**/*", { cwd: target }).filter((path) => statSync(join(target, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(target, path), "utf8")]));
}

test("the peers install every package of the image, each once, in the version of its lock", () => {
  const groups = [...imageGroups(contents), ...nodeGroups(contents)];
  const pinned = groups.flatMap(({ name, requirements }) =>
    [...parsePythonLock(requirements, name).values()].map((each) => `${each.name} ${each.version}`),
  );
  const inGit = groups.flatMap(({ git }) => git.map((line) => line.split(" ")[0] ?? ""));
  const wanted = contents.packages.all.filter(({ name }) => !inGit.includes(name));
  assert.deepEqual(pinned.sort(), wanted.map(({ name, version }) => `${name} ${version}`).sort());
  assert.deepEqual(inGit.sort(), ["cstr", "img2texture", "samv2"]);
});

test("one Dockerfile has the field's order: llama-server, torch, ComfyUI, one list of nodes, groups, start", () => {
  const text = peerFiles()["Dockerfile.one"] ?? "";
  const places = [
    "source=system",
    "requirements/cuda.txt",
    "source=llama-cpp",
    "requirements/torch.txt",
    "requirements/comfyui-packages.txt",
    "</tmp/comfyui.txt",
    "COPY nodes.txt",
    "grep '^nodes-fundamentals '",
    "grep '^nodes-extras '",
    "COPY start /opt/start",
  ].map((step) => text.indexOf(step));
  assert.ok(
    places.every((place) => place > 0),
    String(places),
  );
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test("the multi-stage one copies packages and nodes from stages of their own", () => {
  const text = peerFiles()["Dockerfile.stages"] ?? "";
  const last = text.slice(text.lastIndexOf("\nFROM "));
  for (const [stage, path] of [
    ["llama", "/opt/llama.cpp"],
    ["packages", "/opt/venv"],
    ["custom_nodes", "/opt/comfyui"],
  ])
    assert.ok(last.includes(`COPY --from=${stage} ${path} ${path}`), last);
  const nodes = text.slice(text.indexOf("AS custom_nodes"), text.lastIndexOf("\nFROM "));
  assert.doesNotMatch(nodes, /requirements/);
});

test("another start script changes the peers' start and nothing else", () => {
  const first = peerFiles();
  changeScript(root, 1);
  const second = peerFiles();
  const changed = Object.keys(second).filter((path) => first[path] !== second[path]);
  assert.deepEqual(changed, ["start/entrypoint"]);
});
