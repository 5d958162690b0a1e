import assert from "node:assert/strict";
import { test } from "node:test";
import { disagreements, limitNotes } from "../../../../lib/preview/notes.ts";
import type { Expectation, StagePreview } from "../../../../lib/preview/preview-schema.ts";
import { noPreviousStack } from "../../../../lib/preview/previous-stack.ts";
import { stackPreview, stagePreview } from "../../../support/preview.ts";

const GB = 1e9;
const known = (sizes: Readonly<Record<string, number>>) => ({
  ...noPreviousStack(""),
  stages: Object.entries(sizes).map(([name, bytes]) => ({
    name,
    key: "k",
    inputs: {},
    bytes,
    role: "stage",
  })),
});
const expecting = (bytes: number | null): Partial<StagePreview> => ({
  verdict: "rebuild",
  expected: { seconds: 1, range: null, bytes, basis: "layer", builds: 1, sure: "low" } satisfies Expectation,
});
const notes = (
  stages: StagePreview[],
  sizes: Readonly<Record<string, number>>,
  ...kinds: Parameters<typeof limitNotes>[2]
) => limitNotes({ stages }, known(sizes), kinds);

test("a stage that is too large is told of by its earlier builds, or else by the size that it has", () => {
  const stages = [
    stagePreview("grown", expecting(11 * GB)),
    stagePreview("shrunk", expecting(2 * GB)),
    stagePreview("kept"),
    stagePreview("unknown", expecting(null)),
  ];
  const sizes = { grown: GB, shrunk: 11 * GB, kept: 12 * GB };
  assert.deepEqual(
    notes(stages, sizes, "ghcr").map((note) => note.replace(/ Its push.*/, "")),
    [
      "grown: makes a layer of 11.0 GB, and GHCR takes layers up to 10.0 GB.",
      "kept: makes a layer of 12.0 GB, and GHCR takes layers up to 10.0 GB.",
    ],
  );
  assert.deepEqual(notes(stages, sizes, "local", "oci", "ecr"), []);
});

test("copies count too, and what is not one layer does not", () => {
  const stages = [
    stagePreview("a", expecting(60 * GB)),
    stagePreview("system", { ...expecting(60 * GB), role: "system" }),
    stagePreview("starter", { ...expecting(60 * GB), role: "product" }),
    stagePreview("gone", { ...expecting(60 * GB), verdict: "remove" }),
  ];
  assert.match(notes(stages, {}, "local", "ecr").join("\n"), /^a: makes .* ECR takes layers up to 54\.5 GB/);
  assert.equal(notes(stages, {}, "local", "ecr").length, 1);
  assert.deepEqual(limitNotes({ stages }, known({}), ["ecr"], ["a"]), []);
});

test("where an upload is ended, a layer that needs a fast line is told of", () => {
  const stages = [stagePreview("a", expecting(9 * GB)), stagePreview("b", expecting(6 * GB))];
  assert.deepEqual(notes(stages, {}, "ghcr", "ghcr"), [
    "a: has to be uploaded at 15 MB/s, as GHCR ends an upload after 10 minutes.",
  ]);
  assert.deepEqual(notes(stages, {}, "ecr"), []);
});

test("Pulumi and the plan are held against each other by the names of images", () => {
  const { platform } = stackPreview("dev");
  const stages = [
    stagePreview("torch", { verdict: "rebuild" }),
    stagePreview("new", { verdict: "create" }),
    stagePreview("old", { verdict: "remove" }),
    stagePreview("kept"),
    stagePreview("starter", { verdict: "rebuild", role: "product" }),
  ];
  const told = (...images: [name: string, op: string][]) =>
    disagreements({ platform, stages }, { counts: {}, images: images.map(([name, op]) => ({ name, op })) });
  const all: [string, string][] = [
    ["starter-torch", "update"],
    ["starter-new", "create"],
    ["starter", "replace"],
  ];
  assert.deepEqual(told(...all), []);
  const gone = ["delete", "delete-replaced", "discard", "remove"].map((op): [string, string] => [
    "starter-x",
    op,
  ]);
  assert.deepEqual(told(...all, ...gone), []);
  assert.deepEqual(told(...all, ["starter-kept", "update"]), [
    "Pulumi also updates images in which nothing changes: starter-kept.",
  ]);
  assert.deepEqual(told(), [
    "Pulumi would not build starter-torch, starter-new, starter, although the inputs changed: this is a bug.",
  ]);
  const more = Array.from({ length: 8 }, (_, index): [string, string] => [`x${index}`, "update"]);
  assert.deepEqual(told(...all, ...more), [
    "Pulumi also updates images in which nothing changes: x0, x1, x2, x3, x4, x5 and 2 more.",
  ]);
});
