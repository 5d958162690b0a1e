import assert from "node:assert/strict";
import { test } from "node:test";
import { changedBy, type FarmStage, randomFrom, simulateDay } from "../../../../bench/farm/farm.ts";

const stage = (
  identity: string,
  parents: readonly string[] = [],
  more: Partial<FarmStage> = {},
): FarmStage => ({
  identity,
  name: identity,
  parents,
  heavy: false,
  seconds: 60,
  bytes: 10,
  ...more,
});
/** system ← a ← b, and c beside a. */
const stages = [
  stage("system", [], { bytes: 100 }),
  stage("a", ["system"]),
  stage("c", ["system"], { heavy: true, seconds: 600 }),
  stage("b", ["a"]),
];
const changes = (name: string) => [{ what: name, share: 1, stages: [name] }];
const day = { pulls: 1, hours: 10, builders: 2, seed: 1 };

test("a change builds its stage and what is built from it", () => {
  const names = (name: string) => changedBy(stages, name).map(({ identity }) => identity);
  assert.deepEqual(names("a"), ["a", "b"]);
  assert.deepEqual(names("system"), ["system", "a", "c", "b"]);
  assert.deepEqual(names("nothing"), []);
});

test("one pull request: its chain one after the other, the rest beside it", () => {
  const { built, half, hitRate, pushedBytes, heavyHours } = simulateDay(stages, 8, changes("system"), day);
  assert.equal(built, 4);
  assert.equal(half, 11);
  assert.equal(hitRate, 0.5);
  assert.equal(pushedBytes, 130);
  assert.equal(heavyHours, 600 / 3600);
  assert.equal(simulateDay(stages, 8, changes("system"), { ...day, builders: 1 }).half, 13);
});

test("what a builder holds is not fetched again", () => {
  const fetched = (builders: number) =>
    simulateDay(stages, 4, changes("a"), { ...day, pulls: 5, builders }).pulledBytes;
  assert.equal(fetched(1), 100, "system once; what is built on was built there");
  assert.ok(fetched(3) >= 100 && fetched(3) <= 300 + 5 * 10);
});

test("more builders make nobody wait longer, and a seed gives the same day", () => {
  const most = (builders: number, seed = 7) =>
    simulateDay(stages, 4, changes("system"), { pulls: 60, hours: 1, builders, seed }).most;
  assert.ok(most(1) > most(4) && most(4) >= most(16));
  assert.equal(most(4), most(4));
  assert.notEqual(most(1), most(1, 8));
  const random = randomFrom(3);
  const drawn = Array.from({ length: 1000 }, random);
  assert.ok(drawn.every((number) => number >= 0 && number < 1));
  assert.ok(Math.abs(drawn.reduce((total, number) => total + number, 0) / 1000 - 0.5) < 0.05);
});
