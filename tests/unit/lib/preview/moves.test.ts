import assert from "node:assert/strict";
import { test } from "node:test";
import { indexCommits, movesBetween } from "../../../../lib/preview/moves.ts";
import { lazily } from "../../../support/lazily.ts";
import { checkout } from "../../../support/nodes.ts";

const [a, b, c] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)];
const stage = (name: string, inputs: Record<string, string>) => ({ name, key: "", inputs });
const sources = lazily(() =>
  indexCommits([
    {
      repositories: {
        "kijai/Nodes": checkout("kijai/Nodes", { repository: "https://github.com/kijai/Nodes", commit: b }),
        "some/Lab": checkout("some/Lab", { repository: "https://gitlab.example.org/some/Lab", commit: c }),
      },
      packages: {},
    },
  ]),
);

test("packages are compared by version, and by hash only where the version is the same", () => {
  const { packages } = movesBetween(
    [stage("torch", { "package:torch": "2.11 (aa)", "package:numpy": "1 (aa)", "package:gone": "1 (aa)" })],
    [stage("torch", { "package:torch": "2.12 (bb)", "package:numpy": "1 (bb)", "package:new": "2 (cc)" })],
    sources(),
  );
  assert.deepEqual(packages, [
    { name: "gone", before: "1", after: null },
    { name: "new", before: null, after: "2" },
    { name: "numpy", before: "1 (aa)", after: "1 (bb)" },
    { name: "torch", before: "2.11", after: "2.12" },
  ]);
});

test("a package that only goes from one stage to another has not moved", () => {
  const moves = movesBetween(
    [stage("torch", { "package:numpy": "1 (aa)" })],
    [stage("backend", { "package:numpy": "1 (aa)" })],
    sources(),
  );
  assert.deepEqual(moves, { packages: [], nodes: [], models: [], pins: [] });
});

test("nodes are named as their repositories, with a page that shows what lies between", () => {
  const { nodes } = movesBetween(
    [stage("nodes-x", { "pin:Nodes": `${a} ${c}`, "pin:Lab": a, "pin:Gone": a })],
    [stage("nodes-x", { "pin:Nodes": `${b} ${c}`, "pin:Lab": c })],
    sources(),
  );
  assert.deepEqual(nodes, [
    { name: "Gone", before: "aaaaaaaaaa", after: null, link: null },
    {
      name: "some/Lab",
      before: "aaaaaaaaaa",
      after: "cccccccccc",
      link: "https://gitlab.example.org/some/Lab/-/compare/aaaaaaaaaa...cccccccccc",
    },
    {
      name: "kijai/Nodes",
      before: "aaaaaaaaaa cccccccccc",
      after: "bbbbbbbbbb cccccccccc",
      link: "https://github.com/kijai/Nodes/compare/aaaaaaaaaa...bbbbbbbbbb",
    },
  ]);
});

test("a submodule that moves alone has nothing to compare in the repository itself", () => {
  const { nodes } = movesBetween(
    [stage("nodes-x", { "pin:Nodes": `${b} ${a}` })],
    [stage("nodes-x", { "pin:Nodes": `${b} ${c}` })],
    sources(),
  );
  assert.equal(nodes[0]?.link, null);
});

test("digests and versions are pins; the hashes of a package that is built here are not said twice", () => {
  const { pins, models, packages } = movesBetween(
    [
      stage("system", { "pin:debian": "sha256:1" }),
      stage("wheel-dlib", { "pin:dlib": "sha256:1" }),
      stage("model-clip-1a2b3c4d", { "pin:clip": "sha256:1" }),
      stage("models-shared-3", { "pin:vae": "sha256:1" }),
    ],
    [
      stage("system", { "pin:debian": "sha256:2" }),
      stage("wheel-dlib", { "pin:dlib": "sha256:2" }),
      stage("model-clip-1a2b3c4d", { "pin:clip": "sha256:2" }),
      stage("models-shared-3", { "pin:vae": "sha256:2" }),
    ],
    sources(),
  );
  assert.deepEqual(
    [pins, models, packages].map((moves) => moves.map(({ name }) => name)),
    [["debian"], ["clip", "vae"], []],
  );
});
