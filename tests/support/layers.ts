import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { sourceWheel } from "../../layers/source-wheel/layer.ts";
import { compatibilitySet } from "../../lib/gpu/compatibility.ts";
import { generation } from "../../lib/gpu/generations.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import { type Plan, type PlanSources, planRecipe } from "../../lib/plan/plan.ts";
import type { Layer, LayerContext } from "../../lib/recipe/layer.ts";
import type { Recipe } from "../../lib/recipe/recipe.ts";

/** A stack's choices as the tests want them. */
export const context: LayerContext = {
  recipe: "test",
  generation: generation("cpu"),
  python: "3.11",
  set: compatibilitySet("13.0"),
  attention: ["triton"],
  wheels: {},
  compiled: {},
  llama: {
    enabled: true,
    source: "sdist",
    ui: true,
    vmm: true,
    pin: { version: "v1", location: "1.0", hash: "0".repeat(64) },
  },
  base: { name: "debian-bookworm", digest: `sha256:${"b".repeat(64)}` },
  gitPackages: {},
};

/** A layers' folder of its own for one test, removed when it ends. */
export function layersFolder(test: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) writeFile(folder, path, text);
  return folder;
}

export function writeFile(folder: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  chmodSync(join(folder, path), mode);
}

/** A layer that needs nothing but its Dockerfile. */
export function sampleLayer(name: string, parents: readonly string[] = [], more: Partial<Layer> = {}): Layer {
  return { name, summary: `the layer ${name}`, parents: () => parents, ...more };
}

/** A recipe of these layers; the first is the system. */
export function sampleRecipe(layers: readonly Layer[], buildLayers: readonly Layer[] = []): Recipe {
  return {
    name: "test",
    summary: "a recipe for tests",
    layers,
    buildLayers,
    licences: "Apache-2.0",
    sizeBudget: "1 GB",
    runtime: () => ({
      user: "strata",
      environment: { PATH: "/usr/bin" },
      ports: [8080],
      entrypoint: ["/entrypoint"],
      healthcheck: { command: ["/healthcheck"], startPeriodSeconds: 60 },
    }),
  };
}

/** The lock of a plan without Python. */
export const emptyLock = { path: "locks/python/test.txt", distributions: parsePythonLock("", "test") };

export const sampleLabels = { source: null, revision: "f".repeat(40), created: "2026-01-01T00:00:00.000Z" };

export function plan(
  folder: string,
  planned: Recipe,
  sources: Partial<PlanSources> = {},
  planContext: LayerContext = context,
): Plan {
  return planRecipe(planned, planContext, {
    layersFolder: folder,
    lock: emptyLock,
    labels: sampleLabels,
    sourceWheel,
    ...sources,
  });
}

/** The keys of a plan by stage, the product's included. */
export function keysOf({ stages, product }: Plan): Record<string, string> {
  return Object.fromEntries([...stages, product].map((stage) => [stage.name, stage.key]));
}
