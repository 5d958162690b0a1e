import assert from "node:assert/strict";
import { test } from "node:test";
import { markSizes, markSources, parsePylock } from "../../../../lib/lock-making/pylock.ts";
import { parsePythonLock } from "../../../../lib/locks/python-lock.ts";

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

test("sizes of wheels are read where the index says them, and large ones are noted in the lock", () => {
  const wheel = (name: string, size: string) => `{ url = "https://h/${name}.whl"${size} }`;
  const sized = `[[packages]]\nname = "torch"\nwheels = [${wheel("a", ", size = 532_400_000")}, ${wheel("b", "")}]\n`;
  assert.deepEqual(parsePylock(sized)[0]?.bytes, { "a.whl": 532_400_000 });
  const body = "six==1.0\n    # via torch\nTorch==2.0\n    # via us\n";
  assert.equal(
    markSizes(
      body,
      new Map([
        ["torch", 532_400_000],
        ["six", 4_400_000],
      ]),
    ),
    `${body}    # size: 532 MB\n`,
  );
  assert.equal(markSizes(body, new Map()), body);
});

test("all ways in which TOML says the same are read alike", () => {
  const text = `lock-version = '1.0' # quoted otherwise
packages = [
  { name = 'Six', "version" = "1.0", wheels = [{ hashes = { sha256 = "00" }, url = 'https://h/six-1.0-py3-none-any.whl#sha256=00' }] },
  { name = "a\\u002db", version = """2.0""", sdist = { url = "https://h/a-b-2.0.tar.gz", size = 9_000, upload-time = 2026-01-02T03:04:05Z } },
]
`;
  assert.deepEqual(parsePylock(text), [
    { name: "six", version: "1.0", wheels: ["six-1.0-py3-none-any.whl"], hasSource: false },
    { name: "a-b", version: "2.0", wheels: [], hasSource: true },
  ]);
  const tables = `[[packages]]
name = "six"
marker = "[[packages]]"
[packages.sdist]
url = "https://h/six-1.0.tar.gz"
[[packages.wheels]]
url = "https://h/six-1.0-py3-none-any.whl?token=1"
[[packages.wheels]]
path = "./six-1.0-cp311-cp311-linux_x86_64.whl"
`;
  assert.deepEqual(parsePylock(tables), [
    { name: "six", version: "", wheels: ["six-1.0-py3-none-any.whl"], hasSource: true },
  ]);
  assert.deepEqual(parsePylock('lock-version = "1.0"\n'), []);
});

test("what is no pylock.toml is an error, and not an index without files", () => {
  assert.throws(() => parsePylock("error: no such option"), /Invalid TOML/);
  assert.throws(() => parsePylock('[[packages]]\nversion = "1.0"\n'), /name/);
});

test("what is at the edges of a pylock and of a lock's body", () => {
  const [odd] = parsePylock(
    '[[packages]]\nname = "A.b"\nversion = "1"\nwheels = [{ url = "w.whl#sha256=0" }]\n',
  );
  assert.deepEqual(odd, { name: "a-b", version: "1", wheels: ["w.whl"], hasSource: false });
  const [marked] = parsePylock(
    '[[packages]]\nname = "w"\nwheels = [{ url = "https://h/w-1.whl#sha256=0" }, { url = "https://h/w.zip" }]\n',
  );
  assert.deepEqual(marked?.wheels, ["w-1.whl"]);
  assert.equal(markSources("a==1", new Set(["a"])), "a==1\n    # source: sdist");
  assert.equal(markSources("# a==1\n", new Set(["a"])), "# a==1\n");
});
