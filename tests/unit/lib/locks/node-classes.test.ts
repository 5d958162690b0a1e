import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { classIndex } from "../../../../lib/comfyui/workflow/class-index.ts";
import { readManagerMap } from "../../../../lib/lock-making/manager-map.ts";
import {
  comfyuiName,
  formatNodeClasses,
  nodeClassesPath,
  parseNodeClasses,
} from "../../../../lib/locks/node-classes.ts";
import type { parseNodeLock } from "../../../../lib/locks/node-lock.ts";
import { classesProblems } from "../../../../tools/lock/lock-classes.ts";
import { someClasses } from "../../../support/workflows.ts";

test("a lock comes back as it was, sorted, and an edit is refused", () => {
  const text = formatNodeClasses(someClasses);
  assert.deepEqual(parseNodeClasses(text), someClasses);
  const { repositories } = someClasses;
  const turned = Object.fromEntries(Object.entries(repositories).reverse());
  assert.equal(formatNodeClasses({ ...someClasses, repositories: turned }), text);
  assert.throws(
    () => parseNodeClasses(text.replace('"FarLoader"', '"NearLoader"')),
    /locks\/node-classes\.json: was edited by hand\. Run `npm run lock -- classes`/,
  );
  assert.throws(() => parseNodeClasses("{"), /is not JSON/);
  assert.throws(
    () => parseNodeClasses('{"content": "", "repositories": {}, "others": {}, "more": 1}'),
    /manager: is missing[\s\S]*more: is not a setting/,
  );
});

test("the repository's own lock is right, and knows what workflows use most", () => {
  const classes = parseNodeClasses(readFileSync(join(repository, nodeClassesPath), "utf8"));
  const index = classIndex(classes);
  for (const type of [
    "KSampler",
    "UNETLoader",
    "EmptyHunyuanVideo15Latent",
    "CreateHookLora",
    "LTXVContextWindows",
  ]) {
    assert.equal(index.repositoriesOf(type)[0], "Comfy-Org/ComfyUI", type);
  }
  assert.deepEqual(index.modelInputs("CheckpointLoaderSimple"), {
    ckpt_name: { folders: ["checkpoints"], widget: 0 },
  });
  assert.deepEqual(index.modelInputs("LoadBackgroundRemovalModel"), {
    bg_removal_name: { folders: ["background_removal"], widget: 0 },
  });
  assert.deepEqual(index.repositoriesOf("VHS_VideoCombine")[0], "Kosinkadink/ComfyUI-VideoHelperSuite");
  assert.deepEqual(index.matching("Any Switch (rgthree)"), ["rgthree/rgthree-comfy"]);
});

test("a lock that was read at other commits than the node lock's is refused by name", () => {
  const commit = "a".repeat(40);
  const checkout = { repository: "https://h/o/n", ref: "HEAD", commit, version: null, requirements: {} };
  const empty = { submodules: [], scripts: [], pointers: [], warnings: [] };
  const lock = parseNodeLockOf({ one: { ...checkout, ...empty }, new: { ...checkout, ...empty } });
  const read = { commit, classes: [], models: {}, loads: {}, open: [], elsewhere: [], alone: [], unread: [] };
  const classes = {
    ...someClasses,
    repositories: { one: { ...read, commit: "b".repeat(40) }, old: read },
  };
  assert.deepEqual(
    classesProblems(lock, classes).map(({ message }) => message),
    [
      "locks/node-classes.json: one: was read at bbbbbbbbbbbb, the node lock has aaaaaaaaaaaa. Run `npm run lock -- classes`.",
      "locks/node-classes.json: new: is missing. Run `npm run lock -- classes`.",
      "locks/node-classes.json: old: is no longer in the node lock. Run `npm run lock -- classes`.",
    ],
  );
  assert.deepEqual(classesProblems(lock, { ...classes, repositories: { one: read, new: read } }), []);
});

type NodeLock = ReturnType<typeof parseNodeLock>;
const parseNodeLockOf = (repositories: NodeLock["repositories"]): NodeLock => ({
  repositories,
  packages: {},
});

test("ComfyUI-Manager's list gives classes and patterns; ComfyUI's own and useless patterns are left out", () => {
  const { others, patterns } = readManagerMap(
    JSON.stringify({
      "https://github.com/comfyanonymous/ComfyUI": [["KSampler"], { title_aux: "ComfyUI" }],
      "https://github.com/o/n": [["B", "A"], { nodename_pattern: " \\(n\\)$" }],
      "https://github.com/o/n/": [["C", "A"], {}],
      "https://github.com/o/wide": [[], { nodename_pattern: "Hunyuan" }],
      "https://github.com/o/broken": [[], { nodename_pattern: "^(" }],
      "https://example.com/node.py": [["D"], {}],
    }),
  );
  assert.deepEqual(others, {
    "o/n": ["A", "B", "C"],
    "o/wide": [],
    "o/broken": [],
    "https://example.com/node.py": ["D"],
  });
  assert.deepEqual(patterns, { "o/n": " \\(n\\)$" });
  assert.throws(() => readManagerMap("{"), /extension-node-map\.json: cannot be read/);
  assert.throws(() => readManagerMap('{"a": []}'), /another form than this program knows/);
});

test("a commit is a whole one, and ComfyUI's is its own name", () => {
  assert.equal(comfyuiName, "Comfy-Org/ComfyUI");
  const read = someClasses.repositories[comfyuiName] ?? assert.fail();
  for (const commit of ["a".repeat(39), "a".repeat(41), `x${"a".repeat(40)}`]) {
    const text = JSON.stringify({
      ...someClasses,
      content: "",
      repositories: { one: { ...read, commit } },
    });
    assert.throws(() => parseNodeClasses(text), /repositories\.one\.commit: a full commit has 40/);
  }
});

test("only a whole address on GitHub becomes owner and name, and only an anchored pattern is of use", () => {
  const { others, patterns } = readManagerMap(
    JSON.stringify({
      "https://github.com/o/n/blob/main/node.py": [["A"], {}],
      "see https://github.com/o/n": [["B"], {}],
      "https://github.com/Comfy-Org/ComfyUI": [["C"], {}],
      "https://github.com/o/start": [[], { nodename_pattern: "^Start" }],
      "https://github.com/o/end": [[], { nodename_pattern: "End$" }],
      "https://github.com/o/inside": [[], { nodename_pattern: "a\\^|\\$b" }],
      "https://github.com/o/more": [["D"], { title: "kept out", nodename_pattern: "" }],
    }),
  );
  assert.deepEqual(Object.keys(others), [
    "https://github.com/o/n/blob/main/node.py",
    "see https://github.com/o/n",
    "o/start",
    "o/end",
    "o/inside",
    "o/more",
  ]);
  assert.deepEqual(patterns, { "o/start": "^Start", "o/end": "End$" });
});
