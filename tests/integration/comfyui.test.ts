/** ComfyUI and its nodes on the real BuildKit and registry: the real layers, repositories that the test makes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { unownedFiles } from "../../lib/bill/ownership.ts";
import type { ComfyUi, CustomNode } from "../../lib/comfyui/custom-nodes.ts";
import { readSnapshot } from "../../lib/import/snapshot.ts";
import { noCoolDown } from "../../lib/lock-making/cool-down.ts";
import { nodeSources } from "../../lib/lock-making/node-sources.ts";
import type { NodeLock } from "../../lib/locks/node-lock.ts";
import { billOf } from "../../lib/plan/bill/plan-bill.ts";
import { Transport } from "../../oci/access/transport.ts";
import { describeContents } from "../../tools/attestation/describe-product.ts";
import { readFiles } from "../../tools/attestation/read-files.ts";
import { makeRecipe } from "../../tools/commands/import/make-recipe.ts";
import { lockNodes } from "../../tools/lock/lock-nodes.ts";
import {
  fixtureComfyUi,
  fixtureNode,
  fixtureOrigin,
  fixturePath,
  makeFixtures,
} from "../support/comfyui-fixtures.ts";
import { commitTo, type GitServer, startGitServer } from "../support/git-server.ts";
import { sampleLabels, sampleRecipe } from "../support/layers.ts";
import { freePort } from "../support/port.ts";
import { type LayerFile, layerFiles } from "./support/layer-files.ts";
import type { ComfyUiChoices } from "./support/small-comfyui.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

const weights = "weights that no repository holds\n";
/** Copies what was fetched for it, and writes down what it can import and which networks it has. */
const installer = [
  "import json, shutil, socket",
  "import node_packages, torch",
  'shutil.copy("models/weights.bin", "copied.bin")',
  "networks = [name for _, name in socket.if_nameindex()]",
  'json.dump({"package": node_packages.NAME, "networks": networks}, open("installed.json", "w"))',
].join("\n");

/** Where the recipe says that the weights are; a mirror leads to the server of the test. */
const fileOrigin = "https://files.example.com/";
const fetches = [
  {
    url: `${fileOrigin}weights.bin`,
    sha256: createHash("sha256").update(weights).digest("hex"),
    path: "models/weights.bin",
  },
];
/** The fixtures, and a group of a node whose script may run and one whose script may not. */
const scripts: readonly CustomNode[] = [
  fixtureNode("fetcher", { install: { reason: "copies its weights", fetches } }),
  fixtureNode("eager"),
];
const comfyui: ComfyUi = {
  ...fixtureComfyUi,
  groups: [...fixtureComfyUi.groups, { name: "scripts", summary: "nodes with scripts", nodes: scripts }],
};

const repositories = mkdtempSync(join(tmpdir(), "strata-git-"));
let git: GitServer;
/** Of the fixtures as they were at first. */
let commits: Readonly<Record<string, string>> = {};
let files: Server;
let stack: TestStack;
let nodes: NodeLock;
let first: StackUpdate;
/** What the stages hold after the first build, by stage. */
const held: Record<string, ReadonlyMap<string, LayerFile>> = {};

before(async () => {
  commits = await makeFixtures(repositories);
  await commitTo(fixturePath(repositories, "fetcher"), {
    files: { "__init__.py": "", "install.py": installer },
  });
  await commitTo(fixturePath(repositories, "eager"), {
    files: { "__init__.py": "", "install.py": 'open("ran", "w").close()\n' },
  });
  git = await startGitServer(repositories);
  files = createServer((_, response) => response.end(weights));
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  nodes = await lock();
  stack = await openTestStack("comfyui");
  choose(git.address);
  first = await stack.up();
  for (const name of ["comfyui", "nodes-simple", "nodes-odd", "nodes-scripts"]) {
    held[name] = await layerFiles(`${stack.repository}@${first.stages[name]?.digest}`);
  }
});
after(async () => {
  await stack?.close();
  await git?.stop();
  files?.close();
  rmSync(repositories, { recursive: true });
});

/** The commits that the repositories have now. */
function lock(): Promise<NodeLock> {
  return lockNodes(nodeSources([{ ...sampleRecipe([]), comfyui }]), { [fixtureOrigin]: git.address });
}

/** Writes what the next update builds; repositories come from the git server at `address`. */
function choose(address: string): void {
  const { port } = files.address() as AddressInfo;
  const mirrors = { [fixtureOrigin]: address, [fileOrigin]: `http://127.0.0.1:${port}/` };
  const choices: ComfyUiChoices = { comfyui, nodes, mirrors };
  stack.edit("comfyui.json", JSON.stringify(choices));
}

const nodesFolder = "opt/comfyui/custom_nodes";
/** A file of a node, as the layer holds it. */
function fileOf(stage: string, path: string): LayerFile {
  const file = held[stage]?.get(`${nodesFolder}/${path}`);
  assert.ok(file, `${stage} has no ${path}`);
  return file;
}
const digestsOf = ({ stages }: StackUpdate) =>
  Object.fromEntries(Object.entries(stages).map(([name, { digest }]) => [name, digest]));

test("ComfyUI's own files belong to root, and only empty folders beside them to the image's user", () => {
  const found = held.comfyui ?? new Map<string, LayerFile>();
  for (const path of [
    "main.py",
    "custom_nodes/websocket_image_save.py",
    "__pycache__/main.cpython-311.pyc",
  ]) {
    assert.ok(found.has(`opt/comfyui/${path}`), path);
  }
  const ofUser = [...found].filter(([, { owner }]) => owner !== "0:0");
  assert.deepEqual(
    ofUser.map(([path, { type, owner }]) => [path, type, owner]),
    ["login", "web", "web/extensions"].map((path) => [`opt/comfyui/${path}`, "directory", "1000:1000"]),
  );
});

test("every node is in its group's stage, and belongs to the image's user", () => {
  for (const { name, nodes: named } of comfyui.groups) {
    const found = held[`nodes-${name}`] ?? new Map<string, LayerFile>();
    const inNodes = [...found].filter(([path]) => path.startsWith(`${nodesFolder}/`));
    const folders = new Set(inNodes.map(([path]) => path.split("/")[3]));
    assert.equal(folders.size, named.length, name);
    assert.deepEqual([...new Set(inNodes.map(([, { owner }]) => owner))], ["1000:1000"], name);
    assert.equal(found.get(nodesFolder)?.owner, "0:0");
  }
});

test("a node that is switched off lies in a folder that ComfyUI passes over", () => {
  assert.match(fileOf("nodes-odd", "disabled.disabled/__init__.py").text, /class Disabled/);
});

test("no stage holds anything of git, nor what cannot be written to by its owner", () => {
  for (const [stage, found] of Object.entries(held)) {
    assert.ok(found.size > 0, stage);
    for (const [path, { type, mode }] of found) {
      assert.ok(!path.split("/").includes(".git"), `${stage}: ${path}`);
      if (type === "file") assert.equal(mode & 0o644, 0o644, `${stage}: ${path}`);
    }
  }
});

test("submodules of submodules are where their repositories want them", () => {
  const library = "submodule/extern/library";
  assert.match(fileOf("nodes-odd", `${library}/__init__.py`).text, /from \.inner import VALUE/);
  assert.equal(fileOf("nodes-odd", `${library}/inner/__init__.py`).text, "VALUE = 2\n");
});

test("a node says its commit, and lists its files where it has a version of its own", () => {
  const origin = JSON.parse(fileOf("nodes-simple", "plain/strata-node.json").text);
  assert.deepEqual(origin, {
    repository: `${fixtureOrigin}fixtures/plain`,
    commit: nodes.repositories["fixtures/plain"]?.commit,
    version: "1.2.3",
  });
  const tracked = fileOf("nodes-simple", "plain/.tracking").text;
  assert.equal(tracked, "__init__.py\npyproject.toml\nstrata-node.json\n");
});

test("an allowed install.py has the image's packages and the file it may have, and no network", () => {
  assert.equal(fileOf("nodes-scripts", "fetcher/models/weights.bin").text, weights);
  assert.equal(fileOf("nodes-scripts", "fetcher/copied.bin").text, weights);
  assert.deepEqual(JSON.parse(fileOf("nodes-scripts", "fetcher/installed.json").text), {
    package: "stand-in",
    networks: ["lo"],
  });
});

test("an install.py that is not allowed does not run", () => {
  assert.match(fileOf("nodes-scripts", "eager/install.py").text, /open\("ran"/);
  assert.ok(!held["nodes-scripts"]?.has(`${nodesFolder}/eager/ran`));
});

test("another mirror builds the same files, digest for digest", async () => {
  const other = await startGitServer(repositories);
  try {
    choose(other.address);
    const update = await stack.up();
    assert.ok("small-comfyui" in update.changed && "small-nodes-odd" in update.changed);
    assert.deepEqual(digestsOf(update), digestsOf(first));
  } finally {
    await other.stop();
    choose(git.address);
  }
});

test("every file of the product is a component's in its bill, but those that the test brings itself", async () => {
  const base = { name: "debian-bookworm", digest: `sha256:${"b".repeat(64)}` };
  const bill = billOf(stack.plan(), { labels: sampleLabels, base, materials: {} });
  const stages = Object.fromEntries(
    Object.entries(first.stages).map(([name, { digest }]) => [name, `${stack.repository}@${digest}`]),
  );
  const { reference } = first;
  const document = await describeContents(stack.home, { reference, stages, bill }, new Transport());
  const { files: unowned } = unownedFiles(document, await readFiles(reference, new Transport()));
  assert.deepEqual(
    unowned.map((path) => basename(path)),
    ["strata", "comfyui_packages.py", "cuda.py", "node_packages.py", "torch.py"],
  );
});

test("a node at another commit rebuilds its group, and no step of another stage runs again", async () => {
  const known = await stack.up();
  const steps = async () =>
    (await stack.builderRecords())
      .filter(({ description }) => description.includes("/context/build.sh"))
      .map(({ id }) => id);
  const ran = await steps();
  assert.ok(ran.length >= 4, "the builder keeps a record of each step");
  await commitTo(fixturePath(repositories, "plain"), { files: { "__init__.py": "# moved\n" } });
  nodes = await lock();
  choose(git.address);
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-nodes-simple": "update", small: "update" });
  const changed = Object.keys(update.stages).filter(
    (name) => digestsOf(update)[name] !== digestsOf(known)[name],
  );
  assert.deepEqual(changed.sort(), ["nodes-simple", "product"]);
  assert.equal((await steps()).filter((id) => !ran.includes(id)).length, 1);
  const moved = await layerFiles(`${stack.repository}@${update.stages["nodes-simple"]?.digest}`);
  assert.equal(moved.get(`${nodesFolder}/plain/__init__.py`)?.text, "# moved\n");
});

test("on an empty builder, too, only the node that moved is fetched and put together", async () => {
  await commitTo(fixturePath(repositories, "plain"), { files: { "__init__.py": "# moved again\n" } });
  nodes = await lock();
  choose(git.address);
  await stack.emptyBuilder();
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-nodes-simple": "update", small: "update" });
  const records = await stack.builderRecords();
  const about = (text: string) =>
    records.map(({ description }) => description).filter((description) => description.includes(text));
  assert.deepEqual(about("/context/build.sh"), ["mount / from exec sh -eu /context/build.sh plain"]);
  const fetched = about("git snapshot");
  assert.ok(fetched.length === 1 && fetched[0]?.includes("/fixtures/plain.git#"), fetched.join(", "));
  const found = await layerFiles(`${stack.repository}@${update.stages["nodes-simple"]?.digest}`);
  assert.equal(found.get(`${nodesFolder}/plain/__init__.py`)?.text, "# moved again\n");
  const others = (files: Iterable<string>) =>
    [...files].filter((path) => !path.startsWith(`${nodesFolder}/plain/`)).sort();
  assert.deepEqual(others(found.keys()), others(held["nodes-simple"]?.keys() ?? []));
});

test("the nodes of an imported snapshot are built, each at the commit that it had", async () => {
  const node = (name: string, disabled = false) => [
    `${fixtureOrigin}fixtures/${name}.git`,
    { hash: commits[name], disabled },
  ];
  const snapshot = {
    comfyui: commits.ComfyUI,
    git_custom_nodes: Object.fromEntries([node("plain"), node("submodule"), node("disabled", true)]),
  };
  const mirrors = {
    [fixtureOrigin]: git.address,
    "https://github.com/Comfy-Org/ComfyUI": `${git.address}fixtures/ComfyUI`,
  };
  const strata = { repositories: {}, packages: {} };
  const making = { name: "imported", images: {}, strata, coolDown: noCoolDown, from: "a test" };
  const inventory = readSnapshot(JSON.stringify(snapshot), "snapshot.json");
  const { recipe, lock: imported } = await makeRecipe(inventory, { ...making, mirrors });
  assert.ok(recipe.comfyui && imported);
  const choices: ComfyUiChoices = { comfyui: recipe.comfyui, nodes: imported, mirrors };
  stack.edit("comfyui.json", JSON.stringify(choices));
  const { stages } = await stack.up();
  const found = await layerFiles(`${stack.repository}@${stages["nodes-imported"]?.digest}`);
  const text = (path: string) => found.get(`${nodesFolder}/${path}`)?.text ?? "";
  // Since then it has moved twice.
  assert.match(text("plain/__init__.py"), /class Plain/);
  assert.match(text("submodule/extern/library/inner/__init__.py"), /VALUE = 2/);
  assert.match(text("disabled.disabled/__init__.py"), /class Disabled/);
});

test("a fetched file that is not the pinned one fails the build, with both hashes", async () => {
  files.removeAllListeners("request").on("request", (_, response) => response.end("something else"));
  await stack.emptyBuilder();
  await commitTo(fixturePath(repositories, "fetcher"), {
    files: { "__init__.py": "# moved\n", "install.py": installer },
  });
  nodes = await lock();
  choose(git.address);
  const pinned = createHash("sha256").update(weights).digest("hex");
  const served = createHash("sha256").update("something else").digest("hex");
  await assert.rejects(stack.up(), (error: Error) => {
    assert.match(error.message, new RegExp(pinned));
    assert.match(error.message, new RegExp(served));
    return true;
  });
});

test("a mirror that does not answer is named in the error", async () => {
  const address = `git://127.0.0.1:${await freePort()}/`;
  choose(address);
  await assert.rejects(stack.up(), (error: Error) => {
    assert.ok(error.message.includes(`${address}fixtures/`), error.message);
    assert.match(error.message, /Connection refused/);
    return true;
  });
});
