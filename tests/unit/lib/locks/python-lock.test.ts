import assert from "node:assert/strict";
import { test } from "node:test";
import {
  closure,
  formatRequirements,
  namesInLock,
  normaliseName,
  parsePythonLock,
  pinOf,
  requirementName,
  splitLock,
  withGitPackages,
} from "../../../../lib/locks/python-lock.ts";

const hash = (digit: string) => `sha256:${digit.repeat(64)}`;
const entry = (pin: string, ...via: string[]) =>
  [
    `${pin} \\`,
    `    --hash=${hash("1")} \\`,
    `    --hash=${hash("2")}`,
    "    # via",
    ...via.map((name) => `    #   ${name}`),
    "",
  ].join("\n");
const text = `# a header
${entry("cuda-toolkit==13.0", "-r requirements.in", "torch")}
${entry("Jinja2==3.1", "torch")}
${entry("nvidia-cublas==13.1", "cuda-toolkit", "torch")}
${entry("numpy==2.4", "torchvision", "gguf")}
${entry("gguf==0.19", "-r requirements.in")}
${entry("torch==2.12.0", "-r requirements.in", "torchvision")}
${entry("torchvision==0.27", "-r requirements.in")}
${entry("triton==3.7", "-r requirements.in", "torch")}
`;
const lock = parsePythonLock(text, "lock.txt");

test("a lock is read with names normalised, all hashes and who asks for what", () => {
  assert.deepEqual(lock.get("jinja2"), {
    name: "jinja2",
    version: "3.1",
    hashes: [hash("1"), hash("2")],
    requiredBy: ["torch"],
    fromSource: false,
  });
  assert.deepEqual(lock.get("cuda-toolkit")?.requiredBy, ["torch"]);
  assert.equal(lock.size, 8);
});

test("the short form of via is read as well", () => {
  const short = parsePythonLock(`h11==0.16 --hash=${hash("3")}\n    # via uvicorn\n`, "lock.txt");
  assert.deepEqual(short.get("h11")?.requiredBy, ["uvicorn"]);
});

test("an unpinned entry and one without a hash are refused by name", () => {
  assert.throws(() => parsePythonLock("torch>=2\n", "lock.txt"), /lock\.txt: "torch>=2" is not pinned/);
  assert.throws(() => parsePythonLock("torch==2.0\n", "lock.txt"), /lock\.txt: torch==2\.0 has no sha256/);
});

test("a distribution belongs to the layer that names it, else to the first that needs it", () => {
  const split = splitLock(
    lock,
    [
      { layer: "cuda", requirements: ["cuda-toolkit[nvcc]==13.0"] },
      { layer: "torch", requirements: ["torch==2.12.0", "torchvision"] },
      { layer: "attention", requirements: ["triton"] },
    ],
    "lock.txt",
  );
  const names = (layer: string) => split.get(layer)?.map(({ name }) => name);
  assert.deepEqual(names("cuda"), ["cuda-toolkit", "nvidia-cublas"]);
  // Triton is a dependency of torch, but the attention layer names it.
  assert.deepEqual(names("torch"), ["jinja2", "numpy", "torch", "torchvision"]);
  assert.deepEqual(names("attention"), ["triton"]);
});

test("a list of the rest leaves to earlier layers what they need", () => {
  const split = splitLock(
    lock,
    [
      { layer: "torch", requirements: ["torch"] },
      { layer: "rest", requirements: [], remaining: ["jinja2", "gguf"] },
    ],
    "lock.txt",
  );
  const names = (layer: string) => split.get(layer)?.map(({ name }) => name);
  assert.deepEqual(names("torch"), ["cuda-toolkit", "jinja2", "nvidia-cublas", "torch", "triton"]);
  assert.deepEqual(names("rest"), ["gguf", "numpy"]);
});

test("packages that are only in git join the lock, with what they need", () => {
  const packages = { Sam_2: { version: "1.0", requires: ["torch>=2", "NumPy"] } };
  const joined = withGitPackages(lock, packages, {});
  assert.deepEqual(joined.get("sam-2"), {
    name: "sam-2",
    version: "1.0",
    hashes: [],
    requiredBy: [],
    fromSource: true,
  });
  assert.deepEqual(joined.get("numpy")?.requiredBy, ["torchvision", "gguf", "sam-2"]);
  const needed = closure(joined, ["sam-2"], "lock.txt");
  assert.deepEqual([...needed].sort(), [
    "cuda-toolkit",
    "jinja2",
    "numpy",
    "nvidia-cublas",
    "sam-2",
    "torch",
    "triton",
  ]);
  assert.deepEqual(lock.get("torch")?.requiredBy, ["torchvision"], "the lock itself stays as it is");
});

test("packages that are only in git may need each other", () => {
  const packages = { one: { version: "1", requires: ["two"] }, two: { version: "1", requires: ["triton"] } };
  const joined = withGitPackages(lock, packages, {});
  assert.deepEqual([...closure(joined, ["one"], "lock.txt")].sort(), ["one", "triton", "two"]);
});

test("what a git package needs may be an alias", () => {
  const packages = { one: { version: "1", requires: ["numeric"] } };
  const joined = withGitPackages(lock, packages, { numeric: { of: "NumPy" } });
  assert.ok(joined.get("numpy")?.requiredBy.includes("one"));
});

test("a marked requirement may be for another machine, an unmarked one has to be in the lock", () => {
  const names = (...requirements: string[]) => namesInLock(requirements, lock, { jinja: { of: "Jinja2" } });
  assert.deepEqual(names("numpy ; sys_platform == 'linux'", "pywin32 ; sys_platform == 'win32'"), ["numpy"]);
  assert.deepEqual(names("jinja>=3", "scipy"), ["jinja2", "scipy"]);
});

test("what has no wheel is marked as source", () => {
  const marked = parsePythonLock(
    `dlib==1 --hash=${hash("3")}\n    # via face\n    # source: sdist\n`,
    "lock.txt",
  );
  assert.equal(marked.get("dlib")?.fromSource, true);
  assert.deepEqual(marked.get("dlib")?.requiredBy, ["face"]);
});

test("the size of a large wheel is read, and is nobody who asks for it", () => {
  const sized = parsePythonLock(
    `torch==1 --hash=${hash("3")}\n    # via face\n    # size: 532 MB\nsix==1 --hash=${hash("4")}\n    # via torch\n`,
    "lock.txt",
  );
  assert.deepEqual(
    [...sized.values()].map(({ megabytes }) => megabytes),
    [532, undefined],
  );
  assert.deepEqual(sized.get("torch")?.requiredBy, ["face"]);
});

test("nobody gets what nobody needs", () => {
  const split = splitLock(lock, [{ layer: "cuda", requirements: ["cuda-toolkit"] }], "lock.txt");
  assert.deepEqual(
    [...split.values()].flat().map(({ name }) => name),
    ["cuda-toolkit", "nvidia-cublas"],
  );
});

test("a requirement that the lock does not hold is named", () => {
  assert.throws(() => closure(lock, ["scipy"], "lock.txt"), /lock\.txt: does not hold scipy/);
});

test("a requirement's name is found behind extras and versions", () => {
  assert.equal(requirementName("Cuda_Toolkit[nvcc,cudart]==13.0.2"), "cuda-toolkit");
  assert.throws(() => requirementName("==1"), /is not a Python requirement/);
});

test("a distribution as a requirement and as a pin", () => {
  const torch = lock.get("torch") ?? assert.fail();
  const jinja = lock.get("jinja2") ?? assert.fail();
  assert.equal(
    formatRequirements([jinja, { ...torch, hashes: [] }]),
    `jinja2==3.1 \\\n    --hash=${hash("1")} \\\n    --hash=${hash("2")}\ntorch==2.12.0\n`,
  );
  assert.equal(pinOf(torch), "2.12.0 (4b7de16713be)");
  assert.notEqual(pinOf({ ...torch, hashes: [hash("1")] }), pinOf(torch));
});

test("hashes are sorted, names are one name in any spelling, and spaces around do not count", () => {
  const turned = parsePythonLock(`a==1 --hash=${hash("2")} --hash=${hash("1")}\n`, "lock.txt");
  assert.deepEqual(turned.get("a")?.hashes, [hash("1"), hash("2")]);
  assert.equal(normaliseName("A__b.-c"), "a-b-c");
  assert.equal(requirementName("  torch==2"), "torch");
  assert.throws(() => parsePythonLock(`- a==1 --hash=${hash("1")}\n`, "lock.txt"), /is not pinned/);
  const marked = `a==1 ; python_version < "3.12" --hash=${hash("1")}\n    #   b\n`;
  assert.deepEqual(parsePythonLock(marked, "lock.txt").get("a"), {
    ...{ name: "a", version: "1", hashes: [hash("1")], requiredBy: ["b"], fromSource: false },
  });
});

test("two that need each other are each there once", () => {
  const circle = parsePythonLock(`${entry("a==1", "b")}\n${entry("b==1", "a")}\n`, "lock.txt");
  assert.deepEqual([...closure(circle, ["a"], "lock.txt")], ["a", "b"]);
});

test("the first layer that names a distribution has it, and the second does not take it", () => {
  const split = splitLock(
    lock,
    [
      { layer: "one", requirements: ["gguf"] },
      { layer: "two", requirements: ["gguf", "triton"] },
    ],
    "lock.txt",
  );
  assert.deepEqual(
    split.get("two")?.map(({ name }) => name),
    ["triton"],
  );
});
