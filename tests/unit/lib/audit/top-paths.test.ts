import assert from "node:assert/strict";
import { test } from "node:test";
import { topPaths } from "../../../../lib/audit/top-paths.ts";

const files = [
  { path: "opt/venv/lib/torch/a.so", size: 60 },
  { path: "opt/venv/lib/torch/b.so", size: 30 },
  { path: "opt/venv/lib/vision/c.so", size: 7 },
  { path: "opt/venv/bin/torchrun", size: 2 },
  { path: "opt/venv/bin/small", size: 1 },
];

test("the largest folder is opened as long as there are rows", () => {
  assert.deepEqual(topPaths(files, 1), { paths: [{ path: "/opt/venv", bytes: 100 }], elsewhere: 0 });
  assert.deepEqual(topPaths(files, 3).paths, [
    { path: "/opt/venv/lib/torch", bytes: 90 },
    { path: "/opt/venv/lib/vision/c.so", bytes: 7 },
    { path: "/opt/venv/bin", bytes: 3 },
  ]);
});

test("what is small has no row, but its bytes are counted", () => {
  const small = Array.from({ length: 9 }, (_, index) => ({ path: `opt/${index}`, size: 1 }));
  assert.deepEqual(topPaths([...files, ...small], 20), {
    paths: [
      { path: "/opt/venv/lib/torch/a.so", bytes: 60 },
      { path: "/opt/venv/lib/torch/b.so", bytes: 30 },
      { path: "/opt/venv/lib/vision/c.so", bytes: 7 },
      { path: "/opt/venv/bin", bytes: 3 },
    ],
    elsewhere: 9,
  });
});

test("a folder of many small files is one row", () => {
  const many = Array.from({ length: 99 }, (_, index) => ({ path: `usr/lib/${index}`, size: 1 }));
  assert.deepEqual(topPaths(many, 20), { paths: [{ path: "/usr/lib", bytes: 99 }], elsewhere: 0 });
});

test("no byte is lost", () => {
  for (let rows = 1; rows < 6; rows++) {
    const { paths, elsewhere } = topPaths(files, rows);
    assert.ok(paths.length <= rows);
    assert.equal(
      paths.reduce((sum, { bytes }) => sum + bytes, elsewhere),
      100,
    );
  }
  assert.deepEqual(topPaths([], 3), { paths: [{ path: "/", bytes: 0 }], elsewhere: 0 });
});

test("paths of the same size are in the order of their names", () => {
  const same = ["c", "a", "b"].map((name) => ({ path: name, size: 10 }));
  assert.deepEqual(
    topPaths(same, 5).paths.map(({ path }) => path),
    ["/a", "/b", "/c"],
  );
});
