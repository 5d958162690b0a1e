/** `npm run lock` with the real uv and git, on repositories and packages that the test makes. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import type { CustomNode } from "../../lib/comfyui/custom-nodes.ts";
import { cudaVersions } from "../../lib/gpu/compatibility.ts";
import { type CoolDown, noCoolDown } from "../../lib/lock-making/cool-down.ts";
import type { HeldBack } from "../../lib/lock-making/held-back.ts";
import { imageLockPath } from "../../lib/locks/image-lock.ts";
import { nodeLockPath } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import type { Recipe, Resolution } from "../../lib/recipe/recipe.ts";
import { extendRecipe } from "../../recipes/extend.ts";
import { checkLocks } from "../../tools/lock/check.ts";
import { checkExternalLocks, refreshExternalLocks } from "../../tools/lock/external-recipe.ts";
import { renderHeldBack } from "../../tools/lock/held-back/render-held-back.ts";
import { type LockKind, refresh } from "../../tools/lock/refresh.ts";
import { resolveRequirements } from "../../tools/lock/resolve-requirements.ts";
import { type Compile, installUv } from "../../tools/lock/uv.ts";
import { writeLocks } from "../../tools/lock/write-locks.ts";
import {
  conflictingNodes,
  fixtureComfyUi,
  fixtureNode,
  fixtureOrigin,
  fixturePath,
  fixtureResolution,
  makeFixtures,
} from "../support/comfyui-fixtures.ts";
import { commitTo, type GitServer, startGitServer } from "../support/git-server.ts";
import { sampleLayer, sampleRecipe } from "../support/layers.ts";
import { type PythonIndex, startPythonIndex } from "../support/python-index.ts";

const linux = (python: string) => `${python}-${python}-manylinux_2_28_x86_64`;
const torch = sampleLayer("torch", [], { python: () => ({ image: ["torch==2.12.0", "numpy"] }) });
/** The fixtures beside a torch that is fixed, with more nodes or remedies. */
const recipeWith = (nodes: readonly CustomNode[] = [], resolution: Resolution = {}): Recipe => ({
  ...sampleRecipe([torch]),
  comfyui: {
    ...fixtureComfyUi,
    groups: [...fixtureComfyUi.groups, { name: "more", summary: "", nodes }],
  },
  resolution: { ...fixtureResolution, ...resolution },
});

/** Base images that bring these versions of Python, and no others. */
function writeBases(root: string, ...pythons: readonly string[]): void {
  const base = (python: string) => ({
    reference: "registry.example.com/base:1",
    digest: `sha256:${"0".repeat(64)}`,
    python,
    licences: "",
    source: "",
  });
  mkdirSync(join(root, "locks"), { recursive: true });
  const images = Object.fromEntries(pythons.map((python) => [`base-${python}`, base(python)]));
  writeFileSync(join(root, imageLockPath), JSON.stringify(images));
}

describe("npm run lock", () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-lock-test-"));
  const root = join(folder, "clone");
  const variables = { ...process.env };
  let git: GitServer;
  let index: PythonIndex;
  const lock = async (made: Recipe): Promise<string> => {
    const told: string[] = [];
    const sources = { root, recipes: [made], mirrors: { [fixtureOrigin]: git.address } };
    await writeLocks(root, await refresh(["nodes", "python"], sources, (text) => told.push(text)));
    return told.join("\n");
  };
  const failure = async (made: Recipe): Promise<string> => {
    const error = await lock(made).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  };
  const snapshot = () =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));

  before(async () => {
    writeBases(root, "3.11", "3.12", "3.14");
    await makeFixtures(join(folder, "git"));
    git = await startGitServer(join(folder, "git"));
    index = await startPythonIndex();
    Object.assign(process.env, {
      UV_DEFAULT_INDEX: index.address,
      UV_CACHE_DIR: join(folder, "cache"),
      UV_NO_CONFIG: "1",
    });
    await index.add(
      { name: "six", version: "1.17.0" },
      { name: "idna", version: "3.10" },
      { name: "packaging", version: "25.0" },
      ...["cmake", "cython", "flit-core", "hatchling", "ninja", "poetry-core", "pybind11"].map((name) => ({
        name,
        version: "1.0",
      })),
      ...["scikit-build-core", "setuptools", "wheel"].map((name) => ({ name, version: "1.0" })),
      { name: "torch", version: "2.1", wheels: [linux("cp311"), linux("cp312")] },
      { name: "torch", version: "2.12.0", wheels: [linux("cp311"), linux("cp312")] },
      { name: "numpy", version: "1.19.5", wheels: [linux("cp38")], source: true },
      { name: "numpy", version: "2.4.0", wheels: [linux("cp311"), linux("cp312")], source: true },
      { name: "dlib", version: "20.0", wheels: [], source: true, requires: ["numpy"] },
      { name: "opencv-python", version: "5.0" },
      { name: "opencv-contrib-python-headless", version: "5.0", requires: ["numpy"] },
      { name: "rembg", version: "2.0", requires: ["opencv-python"] },
    );
  });
  after(async () => {
    for (const name of ["UV_DEFAULT_INDEX", "UV_CACHE_DIR", "UV_NO_CONFIG"]) {
      if (variables[name] === undefined) delete process.env[name];
      else process.env[name] = variables[name];
    }
    await git.stop();
    await index.stop();
    rmSync(folder, { recursive: true });
  });

  test("locks what fits together, and the check agrees; no address of an index is in a lock", async () => {
    const told = await lock(recipeWith());
    assert.match(told, /locks\/nodes\.json: 13 of 13 sources moved/);
    assert.match(told, /fixtures\/calls-pip: __init__\.py:6 calls pip/);
    assert.doesNotThrow(() => checkLocks({ root, recipes: [recipeWith()] }, ["nodes", "python"]));
    // The bases, the nodes, and a lock for each Python that a base brings.
    assert.equal(snapshot().length, 2 + 3 * cudaVersions.length);
    for (const text of snapshot()) assert.ok(!text.includes("127.0.0.1"), text);
    const text = readFileSync(join(root, "locks/python/test-py3.11-cu13.0.txt"), "utf8");
    const found = parsePythonLock(text, "lock");
    assert.equal(found.get("torch")?.version, "2.12.0");
    assert.equal(found.get("numpy")?.version, "2.4.0");
    assert.match(text, /-r fixtures-requirements-requirements\.in/);
    assert.match(text, /^# replaced: .*fixtures\/address "cmake" by nothing \(a build tool\)$/m);
  });

  for (const [what, node] of Object.entries(conflictingNodes)) {
    test(`a node that asks for an old ${what} is refused by name, and no file changes`, async () => {
      const before = snapshot();
      const message = await failure(recipeWith([node]));
      const line = what === "torch" ? "torch==2.1" : "numpy<1.20";
      assert.match(message, new RegExp(`fixtures/old-${what} requirements\\.txt asks for ${line}`));
      if (what === "torch") assert.match(message, /layer torch asks for torch==2\.12\.0/);
      else assert.match(message, /1\.19\.5 exists only as source for Python 3\.11, 2\.4\.0 as a wheel/);
      assert.match(message, /`replace`/);
      assert.deepEqual(snapshot(), before);
    });
  }

  test("a line of such a node that is replaced with a reason lets it in, and the header says so", async () => {
    const replace = { "torch==2.1": { use: ["torch"], reason: "works with newer ones" } };
    await lock(recipeWith([{ ...conflictingNodes.torch, replace }]));
    const text = readFileSync(join(root, "locks/python/test-py3.12-cu12.8.txt"), "utf8");
    assert.match(text, /^# replaced: .*old-torch "torch==2\.1" by torch \(works with newer ones\)$/m);
  });

  test("what exists only as source is marked, and an alias keeps the other one out", async () => {
    const made = recipeWith([], {
      additional: [
        { requirement: "dlib", reason: "test" },
        { requirement: "rembg", reason: "test" },
      ],
      aliases: { "opencv-python": { of: "opencv-contrib-python-headless", reason: "same files" } },
    });
    const told = await lock(made);
    assert.match(told, /│ dlib +│ +│ 20\.0/);
    const text = readFileSync(join(root, "locks/python/test-py3.11-cu13.0.txt"), "utf8");
    const found = parsePythonLock(text, "lock");
    assert.deepEqual(
      [...found.values()].filter(({ fromSource }) => fromSource).map(({ name }) => name),
      ["dlib"],
    );
    assert.ok(
      found.has("opencv-contrib-python-headless") && found.has("rembg") && !found.has("opencv-python"),
    );
  });

  test("a lock for a young Python says what is missing; for others that is an error", async () => {
    const compile = await installUv();
    const request = (mayMiss: boolean) =>
      resolveRequirements(compile, {
        path: "test",
        python: "3.14",
        mayMiss,
        requirements: [
          { line: "torch==2.12.0", by: "layer torch" },
          { line: "numpy<2", by: "o/old requirements.txt" },
          { line: "six", by: "o/old requirements.txt" },
          // Built from source for every Python, and for this one alone.
          { line: "dlib", by: "o/old requirements.txt" },
          { line: "slow", by: "o/old requirements.txt" },
        ],
        aliases: {},
      });
    await index.add(
      { name: "numpy", version: "2.5.0", wheels: [linux("cp314")] },
      { name: "slow", version: "1.0", wheels: [linux("cp312")], source: true },
    );
    assert.equal(
      await request(true),
      [
        "",
        "# missing: torch==2.12.0 has no wheel for cp314 (layer torch asks for torch==2.12.0)",
        "# missing: slow==1.0 has no wheel for 3.14 (o/old requirements.txt asks for slow)",
        "# missing: numpy 1.19.5 exists only as source for Python 3.14, 2.5.0 as a wheel (o/old requirements.txt asks for numpy<2)",
        "",
      ].join("\n"),
    );
    await assert.rejects(
      request(false),
      /test: cannot be resolved:\n[\s\S]*torch:\n\s+layer torch asks for torch==2\.12\.0/,
    );
  });

  test("a recipe of one's own gets locks beside its file: new sources alone, known versions as they are", async () => {
    const base = recipeWith();
    await lock(base);
    const before = snapshot();
    await index.add({ name: "six", version: "1.18.0" }, { name: "new", version: "1.0" });
    const replace = { "torch==2.1": { use: ["torch"], reason: "works with newer ones" } };
    const made = extendRecipe(base, {
      name: "own",
      packages: ["new", "six"],
      nodes: [{ ...conflictingNodes.torch, replace }],
    });
    const own = { recipe: made, folder: join(folder, "own"), strata: root };
    const told: string[] = [];
    const mirrors = { [fixtureOrigin]: git.address };
    const refreshed = (also: typeof own) =>
      refreshExternalLocks(["nodes", "python"], also, mirrors, (text) => told.push(text));
    await writeLocks(own.folder, await refreshed(own));
    assert.match(told.join("\n"), /locks\/nodes\.json: 1 of 1 sources moved/);
    assert.doesNotThrow(() => checkExternalLocks(["nodes", "python"], own));
    assert.deepEqual(readdirSync(join(own.folder, "locks/python")), ["own-py3.11-cu13.0.txt"]);
    const read = () => readFileSync(join(own.folder, "locks/python/own-py3.11-cu13.0.txt"), "utf8");
    const found = parsePythonLock(read(), "lock");
    assert.deepEqual([found.get("six")?.version, found.has("new")], ["1.17.0", true]);
    assert.deepEqual(snapshot(), before);
    // Where the additions need it, a version moves all the same.
    const newer = extendRecipe(base, { name: "own", packages: ["six>=1.18"] });
    await writeLocks(own.folder, await refreshed({ ...own, recipe: newer }));
    assert.match(read(), /^six==1\.18\.0 /m);
    assert.throws(() => checkExternalLocks(["nodes", "python"], own), /old-torch/);
  });

  test("a line with a version that is none is told by its file, not as a fault of the network", async () => {
    const compile = await installUv();
    const by = "o/node requirements.txt";
    for (const mayMiss of [true, false]) {
      const requirements = ["six", "scikit-image==0.20.x", "idna=3"].map((line) => ({ line, by }));
      await assert.rejects(
        resolveRequirements(compile, { path: "test", python: "3.12", mayMiss, requirements, aliases: {} }),
        ({ message }: Error) => {
          assert.match(message, /o\/node requirements\.txt: asks for "scikit-image==0\.20\.x": .*`\.x`/);
          assert.match(message, /o\/node requirements\.txt: asks for "idna=3": "=3" names no version/);
          return !message.includes("network");
        },
      );
    }
  });

  test("what is held back is told with who asks, what would be free, and what the newest commit says", async () => {
    await index.add(
      { name: "held", version: "1.0" },
      { name: "held", version: "2.0" },
      { name: "user", version: "1.0", requires: ["held>=1"] },
      { name: "user", version: "2.0", requires: ["held>=2"] },
      { name: "deep", version: "1.0" },
      { name: "deep", version: "2.0" },
      { name: "capper", version: "1.0", requires: ["deep<2"] },
    );
    const made = recipeWith([fixtureNode("caps"), fixtureNode("asks")]);
    const put = (name: string, ...lines: string[]) =>
      commitTo(fixturePath(join(folder, "git"), name), { files: { "requirements.txt": lines.join("\n") } });
    await put("caps", "held<2", "capper");
    await put("asks", "user", "held", "deep", "capper");
    const own = join(folder, "held");
    writeBases(own, "3.11");
    const refreshed = async (mirror: string, ...kinds: readonly LockKind[]) => {
      let held: readonly HeldBack[] = [];
      const sources = { root: own, recipes: [made], mirrors: { [fixtureOrigin]: mirror } };
      const tellHeldBack = (found: readonly HeldBack[]) => {
        held = found;
      };
      const files = await refresh([...kinds, "python"], { ...sources, tellHeldBack }, () => {});
      await writeLocks(own, files);
      return held;
    };
    const lockedPath = "locks/python/test-py3.11-cu13.0.txt";
    const expected = (newestCommit: string): HeldBack[] =>
      [
        {
          recipe: "test",
          lock: lockedPath,
          name: "deep",
          locked: "1.0",
          newest: "2.0",
          caps: [{ by: "capper 1.0", line: "deep<2", newestCommit: null }],
          without: [{ name: "deep", locked: "1.0", free: "2.0" }],
        },
        {
          recipe: "test",
          lock: lockedPath,
          name: "held",
          locked: "1.0",
          newest: "2.0",
          caps: [{ by: "fixtures/caps requirements.txt", line: "held<2", newestCommit }],
          without: [
            { name: "held", locked: "1.0", free: "2.0" },
            { name: "user", locked: "1.0", free: "2.0" },
          ],
        },
      ] as HeldBack[];
    assert.deepEqual(await refreshed(git.address, "nodes"), expected("still asks"));
    await put("caps", "held", "capper", "# newer");
    const free = await refreshed(git.address);
    assert.deepEqual(free, expected("no longer asks"));
    assert.match(renderHeldBack(free), /held<2 \(newest commit: no longer asks\)/);
    assert.match(renderHeldBack(free), /│ held +│ 1\.0 +│ 2\.0 +│ 2\.0, 1 other moves +│/);
    assert.deepEqual(await refreshed("git://127.0.0.1:1/"), expected("not asked"));
  });

  test("a run asks the index once for each package, and the next run asks anew", async () => {
    const resolve = async (compile: Compile, python: string) =>
      await resolveRequirements(compile, {
        path: "test",
        python,
        mayMiss: false,
        requirements: [{ line: "counted", by: "o/node requirements.txt" }],
        aliases: {},
      });
    const times = () => index.asked.filter((name) => name === "counted").length;
    await index.add({ name: "counted", version: "1.0" });
    const compile = await installUv();
    const [first] = [await resolve(compile, "3.11"), await resolve(compile, "3.12")];
    assert.match(first, /^counted==1\.0 /);
    assert.equal(times(), 1);
    await index.add({ name: "counted", version: "2.0" });
    await sleep(2_000);
    assert.equal(await resolve(compile, "3.13"), first);
    assert.match(await resolve(await installUv(), "3.13"), /^counted==2\.0 /);
    assert.equal(times(), 2);
  });

  test("a cool-down leaves out what is younger, but for exceptions, and needs an index with dates", async () => {
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await index.add(
      { name: "aged", version: "1.0", uploaded: ago(30) },
      { name: "aged", version: "2.0", uploaded: ago(2) },
      { name: "fixed", version: "1.0", uploaded: ago(30) },
      { name: "fixed", version: "1.1", uploaded: ago(1) },
    );
    const resolve = async (coolDown: CoolDown, ...lines: string[]) =>
      await resolveRequirements(await installUv(coolDown), {
        path: "test",
        python: "3.14",
        mayMiss: true,
        requirements: lines.map((line) => ({ line, by: "o/node requirements.txt" })),
        aliases: {},
      });
    const week = { days: 7, except: { Fixed: "CVE-2026-1" } };
    const pins = (body: string) => [...parsePythonLock(body, "lock").values()].map(({ version }) => version);
    assert.deepEqual(pins(await resolve(noCoolDown, "aged", "fixed")), ["2.0", "1.1"]);
    assert.deepEqual(pins(await resolve(week, "aged", "fixed")), ["1.0", "1.1"]);
    // A young Python's lock may lack what has no wheel, not what somebody has to decide.
    await assert.rejects(resolve(week, "aged>=2"), /younger than the cool-down: name it in `except`/);
    await assert.rejects(
      resolve(week, "aged", "six"),
      /cool-down\.json: the package index does not say when files of six were uploaded.*--cool-down 0/,
    );
    assert.equal(pins(await resolve({ ...week, except: { six: "own" } }, "six")).length, 1);
  });

  test("an index that does not answer is told apart from a conflict, and the old locks stay", async () => {
    const before = snapshot();
    process.env.UV_DEFAULT_INDEX = "http://127.0.0.1:1/simple/";
    try {
      const message = await failure(recipeWith());
      assert.match(message, /Check the network and the index/);
      assert.deepEqual(snapshot(), before);
    } finally {
      process.env.UV_DEFAULT_INDEX = index.address;
    }
  });

  test("the folder of the clone holds nothing but locks", () => {
    assert.deepEqual(readdirSync(root), ["locks"]);
    assert.ok(readFileSync(join(root, nodeLockPath), "utf8").endsWith("}\n"));
  });
});
