import assert from "node:assert/strict";
import { test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { type ComfyUi, type CustomNode, isAddress } from "../../../../lib/comfyui/custom-nodes.ts";
import { type ResolvedNode, resolveComfyUi } from "../../../../lib/comfyui/resolve-nodes.ts";
import type { NodeCheckout } from "../../../../lib/locks/node-lock.ts";
import { comfyuiWith, commitOf, nodeLock, sampleNode } from "../../../support/nodes.ts";

/** Resolves one node, `owner/pack`, that the lock has like this. */
function resolveOne(locked: Partial<NodeCheckout>, more: Partial<CustomNode> = {}): ResolvedNode {
  const one = comfyuiWith({ all: [sampleNode("owner/pack", more)] });
  const [resolved] = resolveComfyUi(one, nodeLock({ "owner/pack": locked }), {}).nodes;
  assert.ok(resolved);
  return resolved;
}

const requirements = (...lines: string[]) => ({ requirements: { "requirements.txt": lines } });
const linesOf = (resolved: ResolvedNode) => resolved.requirements.map(({ line }) => line);

test("ComfyUI and its nodes are taken at the lock's commits, with their versions and groups", () => {
  const comfyui = comfyuiWith({ image: [sampleNode("a/one")], video: [sampleNode("b/two", { ref: "v2" })] });
  const lock = nodeLock({ "a/one": {}, "b/two": { ref: "v2", version: "2.0.1" } });
  const resolved = resolveComfyUi(comfyui, lock, {});
  assert.equal(resolved.commit, commitOf("comfy/ComfyUI"));
  assert.equal(resolved.version, "0.1.0");
  assert.deepEqual(
    resolved.nodes.map(({ name, group, folder, commit, version }) => [name, group, folder, commit, version]),
    [
      ["a/one", "image", "one", commitOf("a/one"), null],
      ["b/two", "video", "two", commitOf("b/two"), "2.0.1"],
    ],
  );
});

test("a ComfyUI that does not say its version is of an unknown one", () => {
  const lock = nodeLock({ "comfy/ComfyUI": { version: null } });
  assert.equal(resolveComfyUi(comfyuiWith({}), lock, {}).version, "unknown");
});

test("every source goes through the mirrors, and the repository that people see stays the real one", () => {
  const mirrors = { "https://example.org/": "git://mirror/", "https://other.org/": "git://mirror/other/" };
  const submodules = [{ path: "lib", repository: "https://other.org/x/lib", commit: commitOf("lib") }];
  const lock = nodeLock({ "owner/pack": { submodules } });
  const resolved = resolveComfyUi(comfyuiWith({ all: [sampleNode("owner/pack")] }), lock, mirrors);
  assert.deepEqual(
    [resolved, ...resolved.nodes].flatMap(({ fetches }) => fetches.map(({ location }) => location)),
    ["git://mirror/comfy/ComfyUI", "git://mirror/owner/pack", "git://mirror/other/x/lib"],
  );
  assert.deepEqual(
    [resolved, ...resolved.nodes].map(({ repository }) => repository),
    ["https://example.org/comfy/ComfyUI", "https://example.org/owner/pack"],
  );
});

test("what an install.py may fetch goes through the mirrors too", () => {
  const file = { sha256: "1".repeat(64), path: "model.bin" };
  const install = { reason: "", fetches: [{ ...file, url: "https://example.org/model.bin" }] };
  const recipe = comfyuiWith({ all: [sampleNode("owner/pack", { install })] });
  const lock = nodeLock({ "owner/pack": { scripts: ["install.py"] } });
  const [resolved] = resolveComfyUi(recipe, lock, { "https://example.org/": "http://mirror/" }).nodes;
  assert.deepEqual(resolved?.node.install?.fetches, [{ ...file, url: "http://mirror/model.bin" }]);
});

test("submodules come after the repository that they lie in, each at its own commit", () => {
  const submodules = [
    { path: "lib/a", repository: "https://example.org/x/a", commit: commitOf("a") },
    { path: "lib/a/b", repository: "https://example.org/x/b", commit: commitOf("b") },
  ];
  assert.deepEqual(
    resolveOne({ submodules }).fetches.map(({ path, commit }) => [path, commit]),
    [
      ["", commitOf("owner/pack")],
      ["lib/a", commitOf("a")],
      ["lib/a/b", commitOf("b")],
    ],
  );
});

test("a requirement carries the node and the file that it is from", () => {
  const locked = { requirements: { "requirements.txt": ["numpy"], "extra/more.txt": ["scipy"] } };
  assert.deepEqual(resolveOne(locked).requirements, [
    { line: "numpy", by: "owner/pack requirements.txt" },
    { line: "scipy", by: "owner/pack extra/more.txt" },
  ]);
});

test("a line is replaced as a whole: by another one, by several, or by nothing", () => {
  const replace = {
    "numpy<2": { use: ["numpy"], reason: "works with 2" },
    cv: { use: ["opencv-python", "pillow"], reason: "a set" },
    cmake: { use: [], reason: "a build tool" },
  };
  const found = resolveOne(requirements("numpy<2", "cv", "cmake", "tqdm"), { replace });
  assert.deepEqual(linesOf(found), ["numpy", "opencv-python", "pillow", "tqdm"]);
});

test("an old remedy does not hide a new line for the same package", () => {
  const replace = { "numpy<2": { use: ["numpy"], reason: "works with 2" } };
  assert.deepEqual(linesOf(resolveOne(requirements("numpy<2", "numpy<1.20"), { replace })), [
    "numpy",
    "numpy<1.20",
  ]);
});

test("a remedy for a line that is gone is an error that quotes it", () => {
  const replace = { "numpy<2": { use: ["numpy"], reason: "works with 2" } };
  assert.throws(
    () => resolveOne(requirements("numpy<1.20"), { replace }),
    /owner\/pack: no longer asks for "numpy<2", which the recipe replaces/,
  );
});

test("an address among the requirements is an error until the recipe says what to take", () => {
  const line = "git+https://example.org/x/y.git";
  assert.throws(
    () => resolveOne(requirements(line)),
    /owner\/pack: asks for "git\+https:\/\/example\.org\/x\/y\.git", which nothing pins/,
  );
  const replace = { [line]: { use: ["y"], reason: "from the index" } };
  assert.deepEqual(linesOf(resolveOne(requirements(line), { replace })), ["y"]);
});

test("an address for Windows, macOS or another Python is no error, and asks for nothing", () => {
  const address = (marker: string) => `https://example.com/x.whl ; ${marker}`;
  const others = ["sys_platform == 'win32'", "sys_platform == 'darwin'", "python_version == '3.9'"].map(
    address,
  );
  const index = "six ; sys_platform == 'win32'";
  assert.deepEqual(linesOf(resolveOne(requirements(...others, index))), [index]);
  const own = address("sys_platform == 'linux' and python_version == '3.12'");
  assert.throws(
    () => resolveOne(requirements(...others, own)),
    (error: Error) => error.message.split("which nothing pins").length === 2 && error.message.includes(own),
  );
});

test("an address among ComfyUI's own requirements is an error too", () => {
  const lock = nodeLock({ "comfy/ComfyUI": requirements("x @ https://example.org/x.whl") });
  assert.throws(
    () => resolveComfyUi(comfyuiWith({}), lock, {}),
    /comfy\/ComfyUI: asks for "x @ https:\/\/example\.org\/x\.whl", which nothing pins/,
  );
});

for (const line of [
  "git+https://example.org/x.git",
  "git+ssh://git@example.org/x.git",
  "hg+https://example.org/x",
  "x @ https://example.org/x.whl",
  "x@git+https://example.org/x.git@main",
  "x @ git://example.org/x.git",
  "-e git+https://example.org/x.git#egg=x",
  "https://example.org/x.zip",
  "x @ file:///wheels/x.whl",
  "x@file:x.whl",
  "-e file:x",
  "file:x.whl",
  "./x",
  "../x.whl",
  "/wheels/x.whl",
  "wheels/x-1.0-py3-none-any.whl",
  "x-1.0-py3-none-any.whl ; sys_platform == 'linux'",
  "x-1.0.tar.gz",
  "wheels\\\\x.whl",
  "~/x",
  "x @ ./local",
  "x[a] @ wheels/x.whl",
]) {
  test(`nothing pins "${line}"`, () => assert.ok(isAddress(line)));
}

for (const line of [
  "numpy",
  "numpy>=1.25,<2",
  'x[a]==1.0 ; python_version < "3.12"',
  "gitpython",
  "file-io",
  "archive.zipper",
  "x; python_version < '3.12'",
]) {
  test(`"${line}" is a package of the index`, () => assert.ok(!isAddress(line)));
}

test("a pointer of git LFS is an error until the recipe says why the node works without", () => {
  const locked = { pointers: ["weights.pth", "demo.mp4"] };
  assert.throws(
    () => resolveOne(locked),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.match(error.message, /owner\/pack: weights\.pth is a pointer of git LFS/);
      assert.match(error.message, /owner\/pack: demo\.mp4 is a pointer of git LFS/);
      return true;
    },
  );
  assert.doesNotThrow(() => resolveOne(locked, { pointers: "only examples" }));
});

test("a node that is switched off lies in a folder that ComfyUI passes over, and asks for nothing", () => {
  const off = resolveOne(requirements("torch==2.1", "git+https://example.org/x.git"), { disabled: "rarely" });
  assert.equal(off.folder, "pack.disabled");
  assert.deepEqual(off.requirements, []);
  assert.equal(off.commit, commitOf("owner/pack"));
});

test("install.py may be allowed only where there is one", () => {
  const install = { reason: "makes a file", fetches: [] };
  assert.throws(() => resolveOne({}, { install }), /owner\/pack: has no install\.py any more/);
  assert.doesNotThrow(() => resolveOne({ scripts: ["install.py"] }, { install }));
});

test("two nodes that would lie in one folder are an error, unless one of them gets another", () => {
  const lock = nodeLock({ "a/pack": {}, "b/pack": {} });
  const both = (more: Partial<CustomNode>) =>
    resolveComfyUi(comfyuiWith({ x: [sampleNode("a/pack")], y: [sampleNode("b/pack", more)] }), lock, {});
  assert.throws(() => both({}), /b\/pack: would lie in custom_nodes\/pack, like another node/);
  assert.doesNotThrow(() => both({ folder: "other" }));
});

test("a node or a ComfyUI that the lock lacks is named, with the command that mends it", () => {
  const lock = { repositories: {}, packages: {} };
  assert.throws(
    () => resolveComfyUi(comfyuiWith({}), lock, {}),
    /comfy\/ComfyUI: is not in the lock\. Run `npm run lock -- nodes`/,
  );
});

test("a lock of another branch or another repository does not fit", () => {
  assert.throws(
    () => resolveOne({ ref: "main" }),
    /owner\/pack: the recipe wants ref HEAD, the lock has main/,
  );
  assert.throws(
    () => resolveOne({ repository: "https://elsewhere.org/owner/pack" }),
    /the recipe wants repository https:\/\/example\.org\/owner\/pack, the lock has https:\/\/elsewhere\.org/,
  );
});

test("all that does not fit is told together", () => {
  const recipe: ComfyUi = comfyuiWith({
    all: [
      sampleNode("a/absent"),
      sampleNode("a/pointers"),
      sampleNode("a/address"),
      sampleNode("a/gone", { replace: { x: { use: [], reason: "" } } }),
      sampleNode("b/address", { ref: "v1" }),
    ],
  });
  const lock = nodeLock({
    "a/pointers": { pointers: ["p"] },
    "a/address": requirements("https://example.org/x"),
    "a/gone": {},
    "b/address": {},
  });
  assert.throws(
    () => resolveComfyUi(recipe, lock, {}),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      assert.match(error.message, /locks\/nodes\.json/);
      assert.deepEqual(error.errors.map(({ path }) => path).sort(), [
        "a/absent",
        "a/address",
        "a/gone",
        "a/pointers",
        "b/address",
        "b/address",
      ]);
      return true;
    },
  );
});
