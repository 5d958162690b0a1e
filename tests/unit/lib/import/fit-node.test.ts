import assert from "node:assert/strict";
import { test } from "node:test";
import { fitNode } from "../../../../lib/import/fit-node.ts";
import type { NodeCheckout } from "../../../../lib/locks/node-lock.ts";

const checkout: NodeCheckout = {
  repository: "https://github.com/a/b",
  ref: "HEAD",
  commit: "1".repeat(40),
  version: null,
  requirements: {
    "requirements.txt": ["numpy", "git+https://github.com/x/y", "cmake", "--pre", "a @ file:///x"],
  },
  submodules: [],
  scripts: ["install.py"],
  pointers: ["big.bin"],
  warnings: [],
};
const node = { repository: checkout.repository };

test("lines that no lock can hold are replaced by nothing, with the reason, and told", () => {
  const { node: fitted, left } = fitNode(node, checkout);
  assert.deepEqual(Object.keys(fitted.replace ?? {}), [
    "git+https://github.com/x/y",
    "--pre",
    "a @ file:///x",
  ]);
  assert.ok(
    Object.values(fitted.replace ?? {}).every(({ use, reason }) => use.length === 0 && reason !== ""),
  );
  assert.match(fitted.pointers ?? "", /imported as it is/);
  assert.deepEqual(
    left.map(({ what }) => what),
    [
      "a/b: requirement git+https://github.com/x/y",
      "a/b: requirement --pre",
      "a/b: requirement a @ file:///x",
      "a/b: install.py",
      "a/b: big.bin",
    ],
  );
});

test("of what strata knows of a node that stays which holds at this commit", () => {
  const known = {
    ...node,
    replace: { cmake: { use: [], reason: "a build tool" }, gone: { use: [], reason: "was there once" } },
    install: { reason: "writes a file", fetches: [] },
    pointers: "only pictures",
  };
  const { node: fitted, left } = fitNode(known, checkout);
  assert.deepEqual(fitted.replace?.cmake, { use: [], reason: "a build tool" });
  assert.equal(fitted.replace?.gone, undefined);
  assert.deepEqual(fitted.install, known.install);
  assert.equal(fitted.pointers, "only pictures");
  assert.equal(left.length, 3);
  const bare = fitNode(known, { ...checkout, requirements: {}, scripts: [], pointers: [] });
  assert.deepEqual(bare, { node, left: [] });
});

test("a node that is switched off asks for nothing", () => {
  const { node: fitted, left } = fitNode({ ...node, disabled: "off" }, { ...checkout, pointers: [] });
  assert.deepEqual([fitted, left], [{ ...node, disabled: "off" }, []]);
});
