import assert from "node:assert/strict";
import { test } from "node:test";
import { markSources, parsePylock } from "../../../../lib/lock-making/pylock.ts";
import { byOrigin, fileName, resolverInputs } from "../../../../lib/lock-making/resolver-inputs.ts";
import { parsePythonLock } from "../../../../lib/locks/python-lock.ts";

test("every origin has a file of its own, whose name says who it is", () => {
  const { files } = resolverInputs([
    { line: "six", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "idna", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "six", by: "kijai/ComfyUI-KJNodes requirements.txt" },
    { line: "torch==2.12.0", by: "layer torch" },
    { line: "requests", by: "recipe (ComfyUI imports it (really) and does not say so)" },
  ]);
  assert.deepEqual(Object.fromEntries(files), {
    "kijai-ComfyUI-KJNodes-requirements.in": ["six", "idna"],
    "layer-torch.in": ["torch==2.12.0"],
    "recipe.in": ["requests"],
  });
  assert.equal(fileName("../o/n requirements.txt"), "..-o-n-requirements.in");
});

test("an aliased distribution is asked for under its stand-in's name, and kept out otherwise", () => {
  const aliases = { OpenCV_Python: { of: "opencv-contrib-python-headless", reason: "same files" } };
  const { files, excluded } = resolverInputs(
    [
      { line: "opencv-python[extra]>=4.7 ; python_version > '3'", by: "a" },
      { line: "opencv.python", by: "a" },
      { line: "opencv-python-other", by: "a" },
    ],
    aliases,
  );
  assert.deepEqual(files.get("a.in"), [
    "opencv-contrib-python-headless>=4.7 ; python_version > '3'",
    "opencv-contrib-python-headless",
    "opencv-python-other",
  ]);
  assert.deepEqual(excluded, ["opencv-python"]);
});

test("an address never reaches the resolver", () => {
  assert.throws(
    () => resolverInputs([{ line: "x @ git+https://git.example.com/o/x", by: "o/n requirements.txt" }]),
    /o\/n requirements\.txt: asks for "x @ git\+https.*", which nothing pins/,
  );
});

test("what a layer only passes on is asked for by the node", () => {
  const node = { line: "numpy<2", by: "o/n requirements.txt" };
  const own = { line: "numpy", by: "layer pak3" };
  assert.deepEqual(byOrigin([{ line: "numpy<2", by: "layer node-packages" }, own, node]), [own, node]);
});

const file = (name: string) => `{ url = "https://index.example.com/a/${name}", hashes = { sha256 = "00" } }`;
const pylock = `lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "dlib"
version = "20.0.1"
sdist = ${file("dlib-20.0.1.tar.gz")}

[[packages]]
name = "numpy"
version = "2.4.6"
sdist = ${file("numpy-2.4.6.tar.gz")}
wheels = [
    ${file("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl")},
    ${file("numpy-2.4.6-cp311-cp311-win_amd64.whl")},
]

[[packages]]
name = "cuda_bindings"
version = "13.5.0"
wheels = [${file("cuda_bindings-13.5.0-cp311-cp311-manylinux_2_24_x86_64.whl")}]
`;

test("which files the index has is read from a pylock.toml", () => {
  assert.deepEqual(parsePylock(pylock), [
    { name: "dlib", version: "20.0.1", wheels: [], hasSource: true },
    {
      name: "numpy",
      version: "2.4.6",
      wheels: ["numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl", "numpy-2.4.6-cp311-cp311-win_amd64.whl"],
      hasSource: true,
    },
    {
      name: "cuda-bindings",
      version: "13.5.0",
      wheels: ["cuda_bindings-13.5.0-cp311-cp311-manylinux_2_24_x86_64.whl"],
      hasSource: false,
    },
  ]);
});

test("what is built from source is marked in the lock, and read from it again", () => {
  const entry = (pin: string, via: string) =>
    `${pin} \\\n    --hash=sha256:${"1".repeat(64)}\n    # via\n    #   -r layer-x.in\n    #   ${via}\n`;
  const body = entry("dlib==20.0.1", "face") + entry("numpy==2.4.6", "dlib") + entry("wget==3.2", "face");
  const marked = markSources(body, new Set(["dlib", "wget"]));
  const lock = parsePythonLock(marked, "lock.txt");
  assert.deepEqual(
    [...lock.values()].filter(({ fromSource }) => fromSource).map(({ name }) => name),
    ["dlib", "wget"],
  );
  assert.deepEqual(lock.get("dlib")?.requiredBy, ["face"]);
  assert.equal(marked.replaceAll("    # source: sdist\n", ""), body);
  assert.equal(markSources(body, new Set()), body);
});

test("what is at the edges of a pylock and of a lock's body", () => {
  const [odd] = parsePylock(
    '[[packages]]\nname = "A.b"\nversion = "1"\nwheels = [{ url = "w.whl#sha256=0" }]\n',
  );
  assert.deepEqual(odd, { name: "a-b", version: "1", wheels: [], hasSource: false });
  const [marked] = parsePylock('[[packages]]\nwheels = [{ url = "https://h/w-1.whl#sha256=0" }]\n');
  assert.deepEqual(marked?.wheels, ["w-1.whl"]);
  assert.equal(markSources("a==1", new Set(["a"])), "a==1\n    # source: sdist");
  assert.equal(markSources("# a==1\n", new Set(["a"])), "# a==1\n");
});

test("only a layer passes on, and only what another asks for in the same words", () => {
  const layer = { line: "six", by: "layer a" };
  const other = { line: "six", by: "a layer of mine" };
  assert.deepEqual(byOrigin([layer, other]), [other]);
  assert.deepEqual(byOrigin([layer, { ...layer, by: "layer b" }]), [layer, { ...layer, by: "layer b" }]);
  assert.deepEqual(
    [fileName("a.txt b (c) d"), fileName("a (b)"), fileName("x.in")],
    ["a.txt-b-c-d.in", "a.in", "x.in"],
  );
});
