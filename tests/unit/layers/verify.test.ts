/** The stage `verify` looks at all that has Python packages, and at nothing that changes more often. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../home.ts";
import { verification } from "../../../layers/verify/layer.ts";
import { parsePythonLock } from "../../../lib/locks/python-lock.ts";
import { starter } from "../../../recipes/starter.ts";
import { stageProblems } from "../../support/dockerfile.ts";
import { context, plan, sampleLayer } from "../../support/layers.ts";

const path = "locks/python/starter-py3.11-cu13.0.txt";
const distributions = parsePythonLock(readFileSync(join(repository, path), "utf8"), path);

test("packages, libraries, interpreter and ComfyUI, not nodes, models or llama.cpp", () => {
  const python = () => ({ image: ["thing"] });
  const layers = [
    sampleLayer("system"),
    sampleLayer("llama-cpp", [], { python: () => ({ build: ["nvcc"] }) }),
    sampleLayer("python"),
    sampleLayer("torch", [], { python }),
    sampleLayer("left-out", [], { python, included: () => false }),
    sampleLayer("comfyui"),
    sampleLayer("nodes-video"),
  ];
  const parents = ["toolbox", "system", "python", "torch", "comfyui"];
  assert.deepEqual(verification(layers).parents(context), parents);
});

test("each of them is mounted, and a change elsewhere does not run it again", () => {
  const build = starter.buildLayers;
  const planned = (model: string) =>
    plan(
      join(repository, "layers"),
      {
        ...starter,
        buildLayers: build,
        layers: starter.layers.map((each) =>
          each.name === "counting-model" ? { ...each, args: () => ({ MODEL: model }) } : each,
        ),
      },
      { lock: { path, distributions } },
    ).stages.find(({ name }) => name === "verify");
  const stage = planned("a");
  assert.ok(stage);
  assert.deepEqual(stageProblems(stage), []);
  const dockerfile = stage.files.find((file) => file.path === "Dockerfile")?.content.toString() ?? "";
  for (const parent of ["system", "cuda", "python", "torch", "attention", "backend"]) {
    assert.ok(dockerfile.includes(`--mount=type=bind,from=${parent},target=/stages/${parent} `), parent);
  }
  assert.equal(planned("b")?.key, stage.key);
  assert.equal(stage.role, "build");
});
