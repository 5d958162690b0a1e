import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomNode } from "../../../../lib/comfyui/custom-nodes.ts";
import { lockHeader, lockInputs, lockProblem, lockRequirements } from "../../../../lib/plan/lock-inputs.ts";
import type { Resolution } from "../../../../lib/recipe/recipe.ts";
import { wheelBuildRequirements } from "../../../../lib/recipe/source-build.ts";
import { recipes } from "../../../../recipes/index.ts";
import { sampleLayer, sampleRecipe } from "../../../support/layers.ts";
import { comfyuiWith, commitOf, nodeLock, sampleNode } from "../../../support/nodes.ts";

const name = { recipe: "starter", python: "3.11", cuda: "13.0" } as const;
const inputs = ["torch==2.12.0", "triton"];
const body = `torch==2.12.0 \\\n    --hash=sha256:${"1".repeat(64)}\n`;

test("a fresh lock fits; other inputs and an edit are told apart", () => {
  const lock = `${lockHeader(name, recipes.starter, inputs, body)}${body}`;
  assert.equal(lockProblem(name, recipes.starter, inputs, lock), undefined);
  assert.match(
    lockProblem(name, recipes.starter, ["torch==2.13.0"], lock)?.message ?? "",
    /made for other requirements/,
  );
  assert.match(
    lockProblem(name, recipes.starter, inputs, lock.replace("2.12.0", "2.12.1"))?.message ?? "",
    /edited by hand/,
  );
  assert.match(
    lockProblem(name, recipes.starter, inputs, body)?.message ?? "",
    /made for other requirements/,
  );
});

test("a recipe's inputs hold what any of its stacks can need, each once", () => {
  const found = lockInputs(recipes.starter, name, { repositories: {}, packages: {} });
  assert.deepEqual(found, [...new Set(found)].sort());
  for (const needed of ["torch==2.12.0", "triton==3.7.0", "nvidia-cuda-nvcc==13.0.*", "supervisor", "gguf"]) {
    assert.ok(found.includes(needed), needed);
  }
  assert.ok(!found.some((requirement) => requirement.startsWith("xformers")));
});

/** A recipe with torch and one node, `owner/pack`, and what its lock has to resolve. */
function askedOf(lines: readonly string[], known: Partial<CustomNode> = {}, resolution: Resolution = {}) {
  const torch = sampleLayer("torch", [], { python: ({ set }) => ({ image: [`torch==${set.torch}`] }) });
  const withNode = {
    ...sampleRecipe([sampleLayer("system"), torch]),
    comfyui: comfyuiWith({ all: [sampleNode("owner/pack", known)] }),
    resolution,
  };
  const nodes = nodeLock({ "owner/pack": { requirements: { "requirements.txt": [...lines] } } });
  const packages = Object.fromEntries(
    Object.entries(resolution.gitPackages ?? {}).map(([package_, { repository }]) => [
      package_,
      { repository, ref: "HEAD", commit: commitOf(package_), version: "1.0" },
    ]),
  );
  return {
    asked: lockRequirements(withNode, name, { ...nodes, packages }),
    inputs: lockInputs(withNode, name, { ...nodes, packages }),
    recipe: withNode,
  };
}

const by = "owner/pack requirements.txt";
const linesOf = (found: ReturnType<typeof askedOf>) => found.asked.map(({ line }) => line);

test("a node that asks for another torch is not hidden: both lines are resolved, each with who asks", () => {
  const { asked } = askedOf(["torch==2.1", "numpy<1.20"]);
  assert.deepEqual(
    asked.filter(({ line }) => /^(torch|numpy<)/.test(line)),
    [
      { line: "torch==2.12.0", by: "layer torch" },
      { line: "torch==2.1", by },
      { line: "numpy<1.20", by },
    ],
  );
});

test("no remedy but one for that very line hides it", () => {
  const replace = { "torch>=2": { use: [], reason: "the stack's" } };
  const resolution = {
    additional: [{ requirement: "torch>2", reason: "new" }],
    aliases: { "torch-cpu": { of: "torch", reason: "the same files" } },
    gitPackages: { clip: { repository: "https://example.org/x/clip", requires: ["torch"] } },
  };
  const found = askedOf(["torch>=2", "torch==2.1"], { replace }, resolution);
  assert.ok(linesOf(found).includes("torch==2.1"));
  assert.ok(!linesOf(found).includes("torch>=2"));
  assert.ok(found.inputs.includes("torch==2.1"));
});

test("a node that is switched off asks for nothing", () => {
  assert.ok(!linesOf(askedOf(["torch==2.1"], { disabled: "rarely" })).includes("torch==2.1"));
});

test("a package that is only in git is left out, what it needs is not", () => {
  const gitPackages = { clip: { repository: "https://example.org/x/clip", requires: ["ftfy", "regex>=1"] } };
  const { asked } = askedOf(["clip", "Clip[extra]"], {}, { gitPackages });
  assert.ok(!asked.some(({ line }) => line.toLowerCase().startsWith("clip")));
  assert.deepEqual(
    asked.filter((entry) => entry.by === "git package clip").map(({ line }) => line),
    ["ftfy", "regex>=1"],
  );
});

test("what stands in for another distribution is resolved, and the pair decides the lock", () => {
  const aliases = { "opencv-python": { of: "opencv-contrib", reason: "both write cv2" } };
  const found = askedOf(["opencv-python"], {}, { aliases });
  assert.ok(linesOf(found).includes("opencv-contrib"));
  assert.ok(found.inputs.includes("opencv-python is opencv-contrib"));
});

test("recipes with ComfyUI lock what wheels are built with", () => {
  assert.deepEqual(
    wheelBuildRequirements.filter((line) => !linesOf(askedOf([])).includes(line)),
    [],
  );
});

test("every remedy stands in the lock's header with its reason, and another reason needs another lock", () => {
  const replace = { cmake: { use: [], reason: "a build tool" } };
  const resolution = (reason: string) => ({
    additional: [{ requirement: "requests", reason }],
    aliases: { "opencv-python": { of: "opencv-contrib", reason: "both write cv2" } },
  });
  const { recipe: remedied, inputs } = askedOf(["cmake"], { replace }, resolution("nobody declares it"));
  assert.ok(inputs.includes("requests"));
  const header = lockHeader(name, remedied, inputs, body);
  assert.deepEqual(header.split("\n").slice(3, -1), [
    "# added: requests (nobody declares it)",
    "# alias: opencv-contrib stands in for opencv-python (both write cv2)",
    '# replaced: https://example.org/owner/pack "cmake" by nothing (a build tool)',
  ]);
  const { recipe: other } = askedOf(["cmake"], { replace }, resolution("another reason"));
  assert.match(
    lockProblem(name, other, inputs, `${header}${body}`)?.message ?? "",
    /made for other requirements/,
  );
});

test("each line of a lock says who asks for it, and so do its remedies", () => {
  const replace = { cmake: { use: ["cmake<4", "ninja"], reason: "r1" } };
  const resolution = {
    additional: [{ requirement: "requests", reason: "r2" }],
    aliases: { "opencv-python": { of: "opencv-contrib", reason: "r3" } },
  };
  const { asked, recipe } = askedOf(["cmake"], { replace }, resolution);
  const askers = new Map(asked.map(({ line, by: asker }) => [line, asker]));
  assert.equal(askers.get("requests"), "recipe (r2)");
  assert.equal(askers.get("opencv-contrib"), "recipe (stands in for opencv-python)");
  assert.equal(askers.get(wheelBuildRequirements[0] ?? ""), "wheels built from source");
  assert.match(
    lockHeader(name, recipe, [], body),
    /^# replaced: https:\/\/example\.org\/owner\/pack "cmake" by cmake<4, ninja \(r1\)$/m,
  );
  assert.match(lockHeader(name, recipe, [], body), /^# inputs: sha256:[0-9a-f]{64}\n# content: sha256:/m);
});

test("what compiling takes is locked where a recipe has kernels and CUDA a compiler", () => {
  const layers = (...names: string[]) => sampleRecipe(names.map((each) => sampleLayer(each)));
  const nodes = { repositories: {}, packages: {} };
  const lines = (recipe: ReturnType<typeof layers>, cuda: "12.8" | "13.0") =>
    lockRequirements(recipe, { ...name, cuda }, nodes);
  const compiling = lines(layers("system", "attention"), "13.0");
  assert.deepEqual(
    compiling.find(({ line }) => line === "nvidia-cuda-nvcc==13.0.*"),
    { line: "nvidia-cuda-nvcc==13.0.*", by: "kernels compiled from source" },
  );
  for (const line of wheelBuildRequirements)
    assert.ok(
      compiling.some((one) => one.line === line),
      line,
    );
  assert.deepEqual(lines(layers("system", "attention"), "12.8"), []);
  assert.deepEqual(lines(layers("system"), "13.0"), []);
});

test("a layer is asked as for the stack that needs most: all kernels with a wheel, every card, llama.cpp", () => {
  const seen: unknown[] = [];
  const curious = sampleLayer("system", [], {
    python: ({ attention, generation, llama, base }) => {
      seen.push([attention, generation.name, llama, base]);
      return { image: ["a"], remaining: ["b"], build: ["c"] };
    },
  });
  const pin = { version: "", location: "", hash: "" };
  const llama = { enabled: true, source: "sdist", ui: true, vmm: true, pin };
  const base = { name: "", digest: "" };
  const nodes = { repositories: {}, packages: {} };
  for (const cuda of ["13.0", "12.8"] as const) {
    assert.deepEqual(
      lockRequirements(sampleRecipe([curious]), { ...name, cuda }, nodes),
      ["a", "b", "c"].map((line) => ({ line, by: "layer system" })),
    );
  }
  assert.deepEqual(seen, [
    [["triton", "sageattention"], "universal", llama, base],
    [["triton", "sageattention", "xformers"], "cpu", llama, base],
  ]);
});

test("a lock is edited when its header is, or when its body is", () => {
  const lock = `${lockHeader(name, recipes.starter, inputs, body)}${body}`;
  for (const edited of [lock.replace("CUDA 13.0", "CUDA 12.8"), `${lock}x==1\n`]) {
    assert.match(lockProblem(name, recipes.starter, inputs, edited)?.message ?? "", /edited by hand/);
  }
});

test("lines without a name are told together, with who asks for them", () => {
  assert.throws(() => askedOf(["six", "??", "==1"]), {
    message:
      /owner\/pack requirements\.txt: asks for "\?\?", which is not a Python requirement.*\n.*owner\/pack requirements\.txt: asks for "==1"/,
  });
});
