import assert from "node:assert/strict";
import { test } from "node:test";
import { growthOf, isLinear } from "../../../../bench/scale/growth.ts";

const points = (time: (count: number) => number) =>
  [15, 30, 45, 60].map((count) => [count, time(count)] as const);

test("what grows by the same for each is linear, whatever it begins with", () => {
  const growth = growthOf(points((count) => 2 + 0.05 * count));
  assert.ok(Math.abs(growth.base - 2) < 1e-9 && Math.abs(growth.each - 0.05) < 1e-9);
  assert.ok(Math.abs(growth.bend - 1) < 1e-9);
  assert.ok(isLinear(growth));
  assert.ok(isLinear(growthOf(points(() => 1))));
});

test("what grows with the square is not", () => {
  assert.equal(isLinear(growthOf(points((count) => 0.001 * count ** 2))), false);
  assert.equal(isLinear(growthOf(points((count) => 0.5 + 0.002 * count ** 2))), false);
});

test("two points say nothing", () => {
  assert.throws(
    () =>
      growthOf([
        [1, 1],
        [2, 2],
      ]),
    /three points/,
  );
});
