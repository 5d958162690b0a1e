import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserErrors } from "../../../../errors.ts";
import type { CustomNode } from "../../../../lib/comfyui/custom-nodes.ts";
import { missingGitSources, nodeLockProblems } from "../../../../lib/lock-making/node-lock-problems.ts";
import { nodeMoves, nodeWarnings } from "../../../../lib/lock-making/node-moves.ts";
import { nodeSources } from "../../../../lib/lock-making/node-sources.ts";
import {
  formatNodeLock,
  joinNodeLocks,
  type NodeCheckout,
  type NodeLock,
  parseNodeLock,
} from "../../../../lib/locks/node-lock.ts";
import type { Recipe } from "../../../../lib/recipe/recipe.ts";
import { sampleRecipe } from "../../../support/layers.ts";

const origin = "https://git.example.com";
const commit = (digit: string) => digit.repeat(40);
const checkout = (name: string, more: Partial<NodeCheckout> = {}): NodeCheckout => ({
  repository: `${origin}/${name}`,
  ref: "HEAD",
  commit: commit("a"),
  version: null,
  requirements: {},
  submodules: [],
  scripts: [],
  pointers: [],
  warnings: [],
  ...more,
});
const lockOf = (...entries: [string, Partial<NodeCheckout>?][]): NodeLock => ({
  repositories: Object.fromEntries(entries.map(([name, more]) => [name, checkout(name, more)])),
  packages: {},
});
const recipeOf = (...nodes: [string, Partial<CustomNode>?][]): Recipe => ({
  ...sampleRecipe([]),
  comfyui: {
    source: { repository: `${origin}/c/ComfyUI` },
    groups: [
      {
        name: "g",
        summary: "",
        nodes: nodes.map(([name, more]) => ({ repository: `${origin}/${name}`, ...more })),
      },
    ],
  },
});
const problems = (made: Recipe, lock: NodeLock) =>
  nodeLockProblems([made], lock).map(({ message }) => message);

test("a lock is written sorted and read again as it was", () => {
  const lock = lockOf(["o/b", { requirements: { "requirements.txt": ["six"] } }], ["c/ComfyUI"], ["o/a"]);
  const text = formatNodeLock(lock);
  assert.deepEqual(parseNodeLock(text), lock);
  assert.deepEqual(Object.keys(JSON.parse(text).repositories), ["c/ComfyUI", "o/a", "o/b"]);
  assert.equal(
    formatNodeLock({
      ...lock,
      repositories: Object.fromEntries(Object.entries(lock.repositories).reverse()),
    }),
    text,
  );
});

test("an edited lock is caught: what was read at one commit says nothing about another", () => {
  const text = formatNodeLock(lockOf(["o/a"]));
  assert.throws(
    () => parseNodeLock(text.replace(commit("a"), commit("b"))),
    /locks\/nodes\.json: was edited by hand\. Run `npm run lock -- nodes`/,
  );
});

test("everything unpinned is named, all of it together", () => {
  const text = formatNodeLock(lockOf(["o/a"], ["o/b"]));
  const broken = JSON.parse(text);
  broken.repositories["o/a"].commit = "main";
  delete broken.repositories["o/b"].commit;
  broken.repositories["o/b"].submodules = [{ path: "../out", repository: `${origin}/x/y`, commit: "1" }];
  assert.throws(
    () => parseNodeLock(JSON.stringify(broken)),
    (error: UserErrors) => {
      assert.equal(error.errors.length, 4);
      assert.match(error.message, /repositories\.o\/a\.commit: a full commit has 40 hex digits, got "main"/);
      assert.match(error.message, /repositories\.o\/b\.commit: is missing/);
      assert.match(error.message, /expected a path below the repository, got "\.\.\/out"/);
      return true;
    },
  );
});

test("a lock that fits has no problems", () => {
  const lock = lockOf(["c/ComfyUI"], ["o/a", { requirements: { "requirements.txt": ["six"] } }]);
  assert.deepEqual(problems(recipeOf(["o/a"]), lock), []);
});

test("nodes without an entry, entries without a node, and other addresses are told together", () => {
  const lock = lockOf(
    ["c/ComfyUI", { ref: "v1" }],
    ["o/gone"],
    ["o/moved", { repository: `${origin}/p/moved` }],
  );
  assert.deepEqual(problems(recipeOf(["o/new"], ["o/moved"]), lock), [
    "c/ComfyUI: the recipe wants ref HEAD, the lock has v1. Run `npm run lock -- nodes`.",
    "o/new: is not in the lock. Run `npm run lock -- nodes`.",
    "o/moved: the recipe wants repository https://git.example.com/o/moved, the lock has https://git.example.com/p/moved. Run `npm run lock -- nodes`.",
    "o/gone: is in locks/nodes.json, and no recipe uses it. Run `npm run lock -- nodes`.",
  ]);
});

test("remarks of the recipe that no longer fit the node are named", () => {
  const lock = lockOf(
    ["c/ComfyUI"],
    ["o/a", { requirements: { "requirements.txt": ["six"] } }],
    ["o/b", { requirements: { "a.txt": ["six"] } }],
    ["o/c", { submodules: [{ path: "docs", repository: `${origin}/o/docs`, commit: commit("b") }] }],
  );
  const reason = "because";
  const found = problems(
    recipeOf(
      ["o/a", { replace: { "six<2": { use: [], reason } } }],
      ["o/b", { requirements: ["b.txt"] }],
      ["o/c", { omit: { docs: reason } }],
    ),
    lock,
  );
  assert.match(found[0] ?? "", /o\/a: no longer asks for "six<2", which the recipe replaces/);
  assert.match(found[1] ?? "", /o\/b: the recipe wants the requirements of b\.txt, the lock has a\.txt/);
  assert.match(found[2] ?? "", /o\/c: the recipe omits the submodule docs, the lock has it/);
  assert.equal(found.length, 3);
});

test("git packages have to be in the lock too, at the ref of the recipe", () => {
  const made = (ref: string): Recipe => ({
    ...sampleRecipe([]),
    resolution: { gitPackages: { tool: { repository: `${origin}/o/tool`, ref, requires: [] } } },
  });
  const lock: NodeLock = {
    repositories: {},
    packages: { tool: { repository: `${origin}/o/tool`, ref: "v1", commit: commit("a"), version: "1" } },
  };
  assert.deepEqual(problems(made("v1"), lock), []);
  assert.match(problems(made("v2"), lock)[0] ?? "", /tool: the recipe wants ref v2, the lock has v1/);
  assert.match(problems(made("v1"), lockOf())[0] ?? "", /tool: is not in the lock/);
});

test("recipes that mean different things by one name contradict each other", () => {
  const one = recipeOf(["o/a"]);
  const other = { ...recipeOf(["o/a", { ref: "v2", requirements: [] }]), name: "other" };
  assert.deepEqual(
    nodeSources([one, one]).repositories.map(({ name }) => name),
    ["c/ComfyUI", "o/a"],
  );
  assert.throws(
    () => nodeSources([one, other]),
    /o\/a: is https:\/\/git\.example\.com\/o\/a at HEAD in test, but https:\/\/git\.example\.com\/o\/a at v2 with no requirements in other/,
  );
});

test("what moved is shown with a link that compares, where the host has such a page", () => {
  const github = { repository: "https://github.com/o/a" };
  const gitlab = { repository: "https://gitlab.example.com/o/b" };
  const moves = nodeMoves(
    lockOf(["o/a", github], ["o/b", gitlab], ["o/same"], ["o/gone"]),
    lockOf(
      ["o/a", { ...github, commit: commit("b") }],
      ["o/b", { ...gitlab, commit: commit("b") }],
      ["o/same"],
      ["o/new"],
    ),
  );
  const [a, b] = ["a".repeat(10), "b".repeat(10)];
  assert.deepEqual(moves, [
    { name: "o/a", old: a, new: b, link: `https://github.com/o/a/compare/${a}...${b}` },
    { name: "o/b", old: a, new: b, link: `https://gitlab.example.com/o/b/-/compare/${a}...${b}` },
    { name: "o/gone", old: a, new: "", link: "" },
    { name: "o/new", old: "", new: a, link: "" },
  ]);
});

test("warnings name the node; many pointers are one line", () => {
  const lock = lockOf(
    ["o/a", { warnings: ["x.py:1 calls pip"], pointers: ["m.bin", "n.bin"] }],
    ["o/b", { pointers: ["p"] }],
  );
  assert.deepEqual(nodeWarnings(lock), [
    "o/a: x.py:1 calls pip",
    "o/a: m.bin and 1 more are only pointers of git LFS, without content",
    "o/b: p is only pointers of git LFS, without content",
  ]);
});

test("what a lock may say of a repository, to the letter", () => {
  const accepts = (change: object) => {
    const text = formatNodeLock(lockOf(["o/a"]));
    const value = JSON.parse(text);
    Object.assign(value.repositories["o/a"], change);
    try {
      parseNodeLock(JSON.stringify(value));
    } catch (error) {
      return /was edited by hand/.test(String(error));
    }
    return false;
  };
  for (const address of ["http://h/a", "https://h/o/n", "git://h/a", "ssh://git@h/a"])
    assert.ok(accepts({ repository: address }), address);
  for (const address of ["xhttps://h/a", "https://h/a/", "https://h/a b/", "ftp://h/a", "h/a"])
    assert.ok(!accepts({ repository: address }), address);
  for (const path of ["a", "a.txt", "a/b c.txt", "..a/b"]) assert.ok(accepts({ scripts: [path] }), path);
  for (const path of ["/a", "..", "a/..", "a/../b", " a", "a ", ""])
    assert.ok(!accepts({ scripts: [path] }), path);
  for (const wrong of ["a".repeat(39), "a".repeat(41), `x${"a".repeat(40)}`])
    assert.ok(!accepts({ commit: wrong }), wrong);
  assert.ok(!accepts({ more: 1 }));
  assert.throws(() => parseNodeLock("{"), /locks\/nodes\.json: is not JSON: /);
  const { content } = JSON.parse(formatNodeLock(lockOf()));
  assert.match(content, /^sha256:[0-9a-f]{64}$/);
  const tool = { repository: "https://h/t", ref: "v1", commit: commit("a"), version: "1", more: 1 };
  const text = JSON.stringify({ content: "", repositories: {}, packages: { tool } });
  assert.throws(() => parseNodeLock(text), /packages\.tool\.more: is not a setting/);
});

test("of two locks the second counts where both have a name", () => {
  const packages = { tool: { repository: "https://h/t", ref: "v1", commit: commit("a"), version: "1" } };
  const base = { ...lockOf(["o/a"], ["o/b"]), packages };
  const own = lockOf(["o/b", { ref: "v2" }], ["o/c"]);
  const joined = joinNodeLocks(base, own);
  assert.deepEqual(Object.keys(joined.repositories), ["o/a", "o/b", "o/c"]);
  assert.equal(joined.repositories["o/b"]?.ref, "v2");
  assert.deepEqual(joined.packages, packages);
  assert.deepEqual(joinNodeLocks(own, base).packages, packages);
});

test("what a recipe names and the lock lacks, or has otherwise, is looked up again; the rest is not", () => {
  const tool = (ref: string) => ({ repository: `${origin}/o/tool`, ref, requires: [] });
  const recipe = (...nodes: [string, Partial<CustomNode>?][]): Recipe => ({
    ...recipeOf(...nodes),
    resolution: {
      gitPackages: { tool: tool("v1"), other: { ...tool("v1"), repository: `${origin}/o/other` } },
    },
  });
  const docs = [{ path: "docs", repository: `${origin}/o/docs`, commit: commit("b") }];
  const lock: NodeLock = {
    ...lockOf(
      ["c/ComfyUI"],
      ["o/same"],
      ["o/ref", { ref: "v1" }],
      ["o/moved", { repository: `${origin}/p/moved` }],
      ["o/files", { requirements: { "a.txt": [] } }],
      ["o/omitting", { submodules: docs }],
    ),
    packages: { tool: { repository: `${origin}/o/tool`, ref: "v1", commit: commit("a"), version: "1" } },
  };
  const missing = missingGitSources(
    recipe(
      ["o/same"],
      ["o/ref"],
      ["o/moved"],
      ["o/new"],
      ["o/files", { requirements: ["b.txt"] }],
      ["o/omitting", { omit: { docs: "large" } }],
    ),
    lock,
  );
  assert.deepEqual(
    missing.repositories.map(({ name }) => name),
    ["o/files", "o/moved", "o/new", "o/omitting", "o/ref"],
  );
  assert.deepEqual(
    missing.packages.map(({ name }) => name),
    ["other"],
  );
});

test("requirement files are the same in any order; recipes that contradict each other are a problem too", () => {
  const files = { "b.txt": [], "a.txt": [] };
  const lock = lockOf(["c/ComfyUI"], ["o/a", { requirements: files }], ["o/b"]);
  assert.deepEqual(
    problems(recipeOf(["o/a", { requirements: ["b.txt", "a.txt"] }], ["o/b", { omit: { docs: "r" } }]), lock),
    [],
  );
  const several = (requirements: string[]) =>
    problems(recipeOf(["o/a", { requirements }]), lockOf(["c/ComfyUI"], ["o/a", { requirements: files }]))[0];
  assert.match(
    several(["c.txt", "b.txt"]) ?? "",
    /requirements of b\.txt, c\.txt, the lock has a\.txt, b\.txt\./,
  );
  assert.match(several([]) ?? "", /requirements of no file, the lock has/);
  const bare = problems(recipeOf(["o/b", { requirements: ["x.txt"] }]), lockOf(["c/ComfyUI"], ["o/b"]))[0];
  assert.match(bare ?? "", /requirements of x\.txt, the lock has none\./);
  const one = recipeOf(["o/a"]);
  const other = { ...recipeOf(["o/a", { ref: "v2", omit: { b: "r", a: "r" } }]), name: "other" };
  assert.match(
    nodeLockProblems([one, other], lock)[0]?.message ?? "",
    /o\/a at HEAD in test, but .* at v2 without a, b in other/,
  );
  assert.deepEqual(
    nodeSources([recipeOf(["o/z"], ["o/a"])]).repositories.map(({ name }) => name),
    ["c/ComfyUI", "o/a", "o/z"],
  );
});

test("moves are sorted; a link needs one address of the web for both, without .git", () => {
  const moved = (digit: string, ...repositories: [string, string][]) =>
    lockOf(
      ...repositories.map(([name, repository]): [string, Partial<NodeCheckout>] => [
        name,
        { repository, commit: commit(digit) },
      ]),
    );
  const repositories: [string, string][] = [
    ["b", "https://h/b.github.git"],
    ["a", "http://h/a.git"],
    ["c", "ssh://git@h/https:c"],
  ];
  const moves = nodeMoves(moved("a", ...repositories), moved("b", ...repositories));
  const range = `${"a".repeat(10)}...${"b".repeat(10)}`;
  assert.deepEqual(
    moves.map(({ name, link }) => [name, link]),
    [
      ["a", `http://h/a/compare/${range}`],
      ["b", `https://h/b.github/compare/${range}`],
      ["c", ""],
    ],
  );
  const [other] = nodeMoves(moved("a", ["a", "https://h/a"]), moved("b", ["a", "https://h/fork"]));
  assert.equal(other?.link, "");
  assert.deepEqual(nodeWarnings(lockOf(["o/a", { warnings: ["w"] }])), ["o/a: w"]);
});
