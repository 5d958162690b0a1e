import assert from "node:assert/strict";
import { test } from "node:test";
import { topPaths } from "../../../lib/top-paths.ts";

const files = [
  { path: "opt/venv/lib/torch/a.so", size: 60 },
  { path: "opt/venv/lib/torch/b.so", size: 30 },
  { path: "opt/venv/lib/vision/c.so", size: 8 },
  { path: "opt/venv/bin/torchrun", size: 2 },
];

test("the largest folder is opened as long as there are rows", () => {
  assert.deepEqual(topPaths(files, 1), [{ path: "/opt/venv", bytes: 100 }]);
  assert.deepEqual(topPaths(files, 2), [
    { path: "/opt/venv/lib", bytes: 98 },
    { path: "/opt/venv/bin/torchrun", bytes: 2 },
  ]);
  assert.deepEqual(
    topPaths(files, 4).map(({ path }) => path),
    [
      "/opt/venv/lib/torch/a.so",
      "/opt/venv/lib/torch/b.so",
      "/opt/venv/lib/vision/c.so",
      "/opt/venv/bin/torchrun",
    ],
  );
});

test("no row is lost and none is empty", () => {
  for (let rows = 1; rows < 6; rows++) {
    const shown = topPaths(files, rows);
    assert.ok(shown.length <= rows);
    assert.equal(
      shown.reduce((sum, { bytes }) => sum + bytes, 0),
      100,
    );
  }
  assert.deepEqual(topPaths([], 3), [{ path: "/", bytes: 0 }]);
});
