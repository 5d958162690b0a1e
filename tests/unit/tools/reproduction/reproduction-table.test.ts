import assert from "node:assert/strict";
import { test } from "node:test";
import type { StageReproduction } from "../../../../lib/reproduction/reproduction.ts";
import { renderReproduction } from "../../../../tools/reproduction/reproduction-table.ts";

const stage = (name: string, more: Partial<StageReproduction> = {}): StageReproduction => ({
  name,
  key: "k",
  published: "sha256:a",
  rebuilt: "sha256:a",
  verdict: "equal",
  reason: null,
  difference: null,
  seconds: 75,
  ...more,
});
const layer = {
  number: 1,
  published: { digest: "sha256:a", diffId: "a" },
  rebuilt: { digest: "sha256:b", diffId: "b" },
};
const file = (path: string, detail?: string) => ({
  path,
  aspects: ["bytes", "time"] as const,
  ...(detail && { detail }),
});

const text = renderReproduction({
  recipe: "starter",
  stages: [
    stage("system"),
    stage("clock", {
      verdict: "different",
      difference: {
        layers: [
          {
            ...layer,
            repacked: false,
            files: [
              file("opt/built", 'line 1: "\u001b[31m1" and "2"'),
              ...Array.from({ length: 11 }, (_, at) => file(`f${at}`)),
            ],
          },
        ],
        configuration: ["config.Env"],
        versions: { BuildKit: ["v0.31.0", "v0.31.1"] },
      },
    }),
    stage("packed", {
      verdict: "repacked",
      reason: "the same files, packed by another version of BuildKit",
      difference: { layers: [{ ...layer, repacked: true, files: [] }], configuration: [], versions: {} },
    }),
    stage("broken", {
      verdict: "failed",
      reason: "could not be built again:\n  \u001b[1mno network",
      rebuilt: null,
    }),
    stage("models", { verdict: "left", reason: "its bytes are those of the hashes in the lock", seconds: 0 }),
  ],
  varied: { cores: "1 of 2" },
  builder: { id: "urn:strata:builder:x", versions: {} },
});

test("a row says what became of a stage and why, as far as that is known", () => {
  assert.match(text, /│ system +│ equal +│ 1m 15s │ +│/);
  assert.match(text, /│ clock +│ different +│ 1m 15s │ unexplained: 12 files +│/);
  assert.match(
    text,
    /│ packed +│ repacked +│ 1m 15s │ the same files, packed by another version of BuildKit +│/,
  );
  assert.match(text, /│ broken +│ failed +│ 1m 15s │ could not be built again: +│/);
  assert.match(text, /│ models +│ left +│ +│ its bytes are those of the hashes in the lock +│/);
  assert.match(
    text,
    /^1 equal, 1 repacked, 1 different \(unexplained: clock\), 1 failed \(unexplained: broken\), 1 left$/m,
  );
  assert.match(text, /^otherwise than at first: cores: 1 of 2$/m);
});

test("below it what differs is told by file, ten of them, and nothing in it steers a terminal", () => {
  assert.match(text, /^clock: BuildKit v0\.31\.0, now v0\.31\.1$/m);
  assert.match(text, /^clock: layer 1, sha256:a and sha256:b$/m);
  assert.match(text, /^ {2}\/opt\/built {2}bytes, time: line 1: ".\[31m1" and "2"$/m);
  assert.ok(!text.includes("\u001b"));
  assert.match(text, /^ {2}\/f8 {2}bytes, time$/m);
  assert.doesNotMatch(text, /\/f9 /);
  assert.match(text, /^ {2}… and 2 more \(--json has them\)$/m);
  assert.match(text, /^clock: config\.Env of the configuration differs$/m);
  assert.match(text, /^packed: layer 1, sha256:a and sha256:b: the same tar, packed otherwise$/m);
  assert.match(text, /^broken: could not be built again:\n {2}.\[1mno network$/m);
});
