import assert from "node:assert/strict";
import { test } from "node:test";
import { knownReason } from "../../../../lib/reproduction/known-reasons.ts";
import {
  isAsExpected,
  REPRODUCTION_TYPE,
  type Reproduction,
  reproductionLine,
  reproductionStatement,
  type StageDifference,
  type StageReproduction,
  statedReproduction,
  verdictOf,
} from "../../../../lib/reproduction/reproduction.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const name = (letter: string) => ({ digest: digest(letter), diffId: digest(letter) });
const difference = (
  paths: readonly string[],
  more: Partial<StageDifference> = {},
  repacked = false,
): StageDifference => ({
  layers: [
    {
      number: 1,
      published: name("a"),
      rebuilt: name("b"),
      repacked,
      files: paths.map((path) => ({ path, aspects: ["bytes"] as const })),
    },
  ],
  configuration: [],
  versions: {},
  ...more,
});
const stage = (more: Partial<StageReproduction>): StageReproduction => ({
  name: "torch",
  key: "k",
  published: digest("a"),
  rebuilt: digest("a"),
  verdict: "equal",
  reason: null,
  difference: null,
  seconds: 3,
  ...more,
});

test("packages of another day are a reason where dpkg's own record differs, and nowhere else", () => {
  assert.match(knownReason(difference(["usr/bin/x", "var/lib/dpkg/status"])) ?? "", /in no lock/);
  assert.equal(knownReason(difference(["usr/bin/x", "opt/var/lib/dpkg/status"])), undefined);
  const [layer] = difference([]).layers;
  const sorted = { path: "var/lib/dpkg/status", aspects: ["lines"] as const };
  assert.equal(
    knownReason({ ...difference([]), layers: layer ? [{ ...layer, files: [sorted] }] : [] }),
    undefined,
  );
});

test("another BuildKit is a reason for other packing alone, and only where it is another", () => {
  const versions = { BuildKit: ["v0.31.0", "v0.31.1"] as const };
  assert.match(knownReason(difference([], { versions }, true)) ?? "", /another version of BuildKit/);
  assert.equal(knownReason(difference([], {}, true)), undefined);
  assert.equal(knownReason(difference(["a"], { versions })), undefined);
  assert.equal(knownReason(difference([], { versions, configuration: ["config.Env"] }, true)), undefined);
});

test("the same tars under another configuration are not the same image", () => {
  assert.equal(verdictOf(difference([], {}, true)), "repacked");
  assert.equal(verdictOf(difference([], { configuration: ["history"] }, true)), "different");
  assert.equal(verdictOf(difference(["a"])), "different");
});

test("of several layers each has to be the same tar, and one that differs by packages explains the rest", () => {
  const [repacked] = difference([], {}, true).layers;
  const [other] = difference(["usr/bin/x"]).layers;
  const [apt] = difference(["var/lib/dpkg/status"]).layers;
  assert.ok(repacked && other && apt);
  const versions = { BuildKit: ["v0.31.0", "v0.31.1"] as const };
  const both = { layers: [repacked, other], configuration: [], versions };
  assert.equal(verdictOf(both), "different");
  assert.equal(knownReason(both), undefined);
  assert.match(knownReason({ ...both, layers: [other, apt] }) ?? "", /in no lock/);
  assert.equal(knownReason(difference(["var/lib/dpkg/status-old"])), undefined);
});

test("what is not equal needs a reason, and what failed is never as expected", () => {
  assert.ok(isAsExpected({ verdict: "equal", reason: null }));
  assert.ok(isAsExpected({ verdict: "left", reason: "is not published" }));
  assert.ok(isAsExpected({ verdict: "different", reason: "apt" }));
  assert.ok(!isAsExpected({ verdict: "different", reason: null }));
  assert.ok(!isAsExpected({ verdict: "repacked", reason: null }));
  assert.ok(!isAsExpected({ verdict: "failed", reason: "no network" }));
});

test("a line counts by verdict and names what is unexplained", () => {
  const stages = [
    stage({}),
    stage({ name: "cuda" }),
    stage({ name: "system", verdict: "different", reason: "apt" }),
    stage({ name: "clock", verdict: "different" }),
    stage({ name: "models", verdict: "left", reason: "hashes" }),
  ];
  assert.equal(reproductionLine(stages), "2 equal, 2 different (unexplained: clock), 1 left");
});

test("the statement says the same for the same finding, however long it took, and is read again", () => {
  const found = (seconds: number): Reproduction => ({
    recipe: "starter",
    stages: [
      stage({ seconds }),
      stage({ name: "clock", verdict: "different", difference: difference(["a"]), seconds }),
    ],
    varied: { cores: "1 of 2" },
    builder: { id: "urn:strata:builder:x", versions: { buildkit: "v0.31.1" } },
  });
  const statement = reproductionStatement(found(1), digest("c"));
  assert.deepEqual(statement, reproductionStatement(found(99), digest("c")));
  assert.equal(statement.predicateType, REPRODUCTION_TYPE);
  const read = statedReproduction(JSON.parse(JSON.stringify(statement)));
  assert.deepEqual(
    read?.stages.map(({ name: of, verdict }) => [of, verdict]),
    [
      ["torch", "equal"],
      ["clock", "different"],
    ],
  );
  assert.equal(statedReproduction({ ...statement, predicateType: "other" }), undefined);
});

test("a statement names 200 files of a layer and counts the rest", () => {
  const many = difference(Array.from({ length: 300 }, (_, index) => `f${index}`));
  const statement = reproductionStatement(
    {
      recipe: "r",
      stages: [stage({ verdict: "different", difference: many })],
      varied: {},
      builder: { id: "b", versions: {} },
    },
    digest("c"),
  );
  const [layer] = statedReproduction(statement)?.stages[0]?.difference?.layers ?? [];
  assert.equal(layer?.files.length, 200);
  assert.equal(layer?.fileCount, 300);
});
