/** `strata:comfyui.ref`: another ComfyUI in locks of its own, which lie beside strata's. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "../../../config.ts";
import { UserError } from "../../../errors.ts";
import { repository } from "../../../home.ts";
import { formatNodeLock } from "../../../lib/locks/node-lock.ts";
import { lockPath } from "../../../lib/plan/lock-inputs.ts";
import { planStack } from "../../../recipes/stack-plan.ts";
import { sampleLabels } from "../../support/layers.ts";
import { committedNodes } from "../../support/stacks.ts";
import { temporaryFolder } from "../support/folder.ts";

const settings = (ref: string) => ({ "strata:recipe": "vast", "strata:comfyui": JSON.stringify({ ref }) });
const commit = "9".repeat(40);

/** A checkout whose layers and locks are this one's, with a place for locks of another ComfyUI. */
function checkout(t: TestContext): string {
  const root = temporaryFolder(t);
  for (const folder of ["layers", "smoke"]) symlinkSync(join(repository, folder), join(root, folder));
  cpSync(join(repository, "locks"), join(root, "locks"), { recursive: true });
  return root;
}

const plan = (root: string, ref: string) =>
  planStack(parseConfig(settings(ref)), { root, localImages: "none.json" }, sampleLabels).plan;

function problems(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  return "";
}

test("a ref that nobody has locked is told with the command that locks it", (t) => {
  const told = problems(() => plan(checkout(t), "v9.9.9"));
  assert.match(told, /the recipe wants ref v9\.9\.9, the lock has v0\.33\.0/);
  assert.match(told, /`npm run lock -- --recipe vast --comfyui v9\.9\.9 nodes`/);
});

test("with its locks a stack has that ComfyUI, at its commit, and nothing else is another", (t) => {
  const root = checkout(t);
  const name = "Comfy-Org/ComfyUI";
  const folder = join(root, "locks/comfyui/feature+new/locks");
  mkdirSync(join(folder, "python"), { recursive: true });
  const locked = committedNodes().repositories[name];
  assert.ok(locked);
  const other = { ...locked, ref: "feature/new", commit };
  writeFileSync(
    join(folder, "nodes.json"),
    formatNodeLock({ repositories: { [name]: other }, packages: {} }),
  );
  const python = lockPath({ recipe: "vast", python: "3.11", cuda: "13.0" });
  assert.match(
    problems(() => plan(root, "feature/new")),
    /vast-py3\.11-cu13\.0\.txt: does not exist/,
  );
  cpSync(join(root, python), join(root, "locks/comfyui/feature+new", python));

  const [own, others] = [plan(root, "v0.33.0"), plan(root, "feature/new")];
  const keys = new Map(own.stages.map((stage) => [stage.name, stage.key]));
  const moved = others.stages
    .filter((stage) => keys.get(stage.name) !== stage.key)
    .map((stage) => stage.name);
  assert.deepEqual(moved.sort(), ["comfyui", "runtime", "verify"]);
  const comfyui = others.stages.find((stage) => stage.name === "comfyui");
  assert.equal(comfyui?.inputs["pin:ComfyUI"], commit);
});

test("a recipe without ComfyUI, and a ref that is none, are mistakes", () => {
  const starter = { "strata:recipe": "starter", "strata:comfyui": '{"ref":"v1"}' };
  assert.match(
    problems(() => parseConfig(starter)),
    /strata:comfyui\.ref: starter has no ComfyUI/,
  );
  for (const ref of ["../v1", "-x", "a//b", "v1/", "two words"]) {
    assert.match(
      problems(() => parseConfig(settings(ref))),
      /strata:comfyui\.ref: expected a branch/,
      ref,
    );
  }
});
