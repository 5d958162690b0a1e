import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { sourceWheel, wheelStage } from "../../../../layers/source-wheel/layer.ts";
import { type GenerationName, generation } from "../../../../lib/gpu/generations.ts";
import { requirementName } from "../../../../lib/locks/python-lock.ts";
import type { Plan } from "../../../../lib/plan/plan.ts";
import { stageEpoch } from "../../../../lib/plan/plan-stage.ts";
import type { LayerContext } from "../../../../lib/recipe/layer.ts";
import { wheelBuildRequirements } from "../../../../lib/recipe/source-build.ts";
import { context, keysOf, layersFolder, plan, sampleLayer, sampleRecipe } from "../../../support/layers.ts";
import { commitOf } from "../../../support/nodes.ts";
import { type LockEntry, lockOf } from "../../../support/python-lock.ts";

const files = {
  ...Object.fromEntries(
    ["toolbox", "system", "cuda", "torch", "app"].map((name) => [`${name}/Dockerfile`, ""]),
  ),
  "source-wheel/build.sh": "",
  "source-wheel/fetch.sh": "",
  ...Object.fromEntries(["trust.sh", "fetch_sdist.py", "finish.sh"].map((name) => [`shared/${name}`, ""])),
};
const buildTools = Object.fromEntries(
  wheelBuildRequirements.map((name) => [`${requirementName(name)}==1`, {}]),
);

/** An image with torch and two packages from source: fairscale, whose setup imports torch, and dlib, which does not. */
const packages: Readonly<Record<string, LockEntry>> = {
  "torch==2.0": {},
  "dlib==1.0": { sdist: true },
  "fairscale==1.0": { sdist: true },
};
const planned = sampleRecipe(
  [
    sampleLayer("system"),
    sampleLayer("cuda"),
    sampleLayer("torch", ["cuda"], { python: () => ({ image: ["torch"] }) }),
    sampleLayer("app", [], { python: () => ({ image: ["dlib", "fairscale"] }) }),
  ],
  [sampleLayer("toolbox")],
);

function planOf(
  t: TestContext,
  {
    lock = packages,
    tools = buildTools,
    on = context,
  }: { lock?: typeof packages; tools?: typeof packages; on?: LayerContext },
): Plan {
  return plan(layersFolder(t, files), planned, { lock: lockOf({ ...lock, ...tools }) }, on);
}

/** The wheels whose key is another one than in the plan of `packages`. */
function changed(t: TestContext, other: Parameters<typeof planOf>[1]): string[] {
  const [before, after] = [keysOf(planOf(t, {})), keysOf(planOf(t, other))];
  return Object.keys(after).filter((name) => name.startsWith("wheel-") && after[name] !== before[name]);
}

const without = (name: string) =>
  Object.fromEntries(Object.entries(packages).filter(([pin]) => !pin.startsWith(`${name}==`)));

test("dlib is built without optimization at link time, alike on every machine; CMake is told by a file", (t) => {
  const stages = planOf(t, {}).stages;
  const dlib = stages.find(({ name }) => name === "wheel-dlib");
  const file = dlib?.files.find(({ path }) => path === "toolchain.cmake");
  assert.equal(dlib?.args.ENVIRONMENT, "export CMAKE_TOOLCHAIN_FILE='/context/toolchain.cmake'");
  const text = file?.content.toString() ?? "";
  for (const line of [
    'set(CMAKE_INTERPROCEDURAL_OPTIMIZATION "OFF" CACHE STRING "")',
    'set(USE_AVX_INSTRUCTIONS "OFF" CACHE STRING "")',
    'set(DLIB_USE_CUDA "OFF" CACHE STRING "")',
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
  const fairscale = stages.find(({ name }) => name === "wheel-fairscale");
  assert.equal(fairscale?.args.ENVIRONMENT, "");
  assert.ok(!fairscale?.files.some(({ path }) => path === "toolchain.cmake"));
});

test("another version of a package builds its wheel again, and no other one", (t) => {
  assert.deepEqual(
    changed(t, { lock: { ...without("dlib"), "dlib==1.1": { sdist: true, file: "dlib==1.0" } } }),
    ["wheel-dlib"],
  );
});

test("another archive of the same version builds its wheel again, and no other one", (t) => {
  const other = { ...packages, "dlib==1.0": { sdist: true, file: "other" } } as const;
  assert.deepEqual(changed(t, { lock: other }), ["wheel-dlib"]);
});

test("another Python builds every wheel again", (t) => {
  assert.deepEqual(changed(t, { on: { ...context, python: "3.12" } }), ["wheel-dlib", "wheel-fairscale"]);
});

test("another build tool builds every wheel again", (t) => {
  const tools = { ...buildTools, "setuptools==1": { file: "other" } };
  assert.deepEqual(changed(t, { tools }), ["wheel-dlib", "wheel-fairscale"]);
});

test("another torch builds again only what imports it", (t) => {
  assert.deepEqual(changed(t, { lock: { ...without("torch"), "torch==2.1": {} } }), ["wheel-fairscale"]);
});

test("another generation builds no wheel again that compiles no CUDA code", (t) => {
  assert.deepEqual(changed(t, { on: { ...context, generation: generation("ada") } }), []);
});

test("what compiles CUDA code does it for the generation's compute capabilities", () => {
  const built = {
    version: "1.0",
    hashes: [`sha256:${"1".repeat(64)}`],
    requiredBy: [],
    fromSource: true,
  };
  const targets = (name: string, cards: GenerationName) => {
    const wheel = sourceWheel({ ...built, name });
    const { CUDA_ARCHITECTURES: capabilities, ENVIRONMENT: environment = "" } =
      wheel.args?.({ ...context, generation: generation(cards) }) ?? {};
    return [capabilities, /FLASH_ATTN_CUDA_ARCHS='([^']*)'/.exec(environment)?.[1]];
  };
  assert.deepEqual(targets("sageattention", "ampere"), ["8.0;8.6", undefined]);
  assert.deepEqual(targets("sageattention", "universal"), ["8.0;8.6;8.9;9.0;10.0;12.0", undefined]);
  // Its setup has one set of code for all cards of a generation.
  assert.deepEqual(targets("flash-attn", "ada"), ["8.0", "80"]);
  assert.deepEqual(targets("flash-attn", "blackwell"), ["10.0;12.0", "100;120"]);
  assert.deepEqual(targets("fairscale", "ampere"), ["", undefined]);
});

test("what compiles CUDA code has a compiler, and looks at what came out", () => {
  const wheel = sourceWheel({
    name: "sageattention",
    version: "2.2.0",
    hashes: [],
    requiredBy: [],
    fromSource: true,
  });
  assert.deepEqual(wheel.parents(context), ["toolbox", "cuda", "torch"]);
  assert.ok(wheel.shared?.includes("shared/assemble-cuda.sh") && wheel.shared.includes("shared/gpu_code.py"));
  const { build = [] } = wheel.python?.(context) ?? {};
  for (const tool of ["nvidia-cuda-nvcc", "nvidia-cuda-cuobjdump", "ninja"])
    assert.ok(
      build.some((line) => line.startsWith(tool)),
      tool,
    );
});

test("a wheel's build is told what to make, from which archive, for which Python, and what the package wants", (t) => {
  const wheel = planOf(t, {}).stages.find(({ name }) => name === "wheel-dlib");
  assert.deepEqual(wheel?.args, {
    SOURCE_DATE_EPOCH: stageEpoch,
    PYTHON: "3.11",
    NAME: "dlib",
    VERSION: "1.0",
    HASHES: createHash("sha256").update("dlib==1.0").digest("hex"),
    ENVIRONMENT: "export CMAKE_TOOLCHAIN_FILE='/context/toolchain.cmake'",
    CUDA_ARCHITECTURES: "",
  });
});

const textOf = ({ stages }: Plan, stage: string) =>
  stages
    .find(({ name }) => name === stage)
    ?.files.find(({ path }) => path === "Dockerfile")
    ?.content.toString()
    .split("\n");
const argumentLines = [
  "ARG SOURCE_DATE_EPOCH",
  "ARG PYTHON",
  "ARG NAME",
  "ARG VERSION",
  "ARG HASHES",
  "ARG ENVIRONMENT",
  "ARG CUDA_ARCHITECTURES",
];

test("a wheel of the index's source archive is built with the toolbox, and with torch where it needs that", (t) => {
  assert.deepEqual(textOf(planOf(t, {}), "wheel-fairscale"), [
    "# fairscale as a wheel.",
    "FROM toolbox AS source",
    "",
    "FROM toolbox AS build",
    ...argumentLines,
    "RUN --mount=type=secret,id=ca \\",
    "    --mount=type=bind,target=/context \\",
    "    sh -eu /context/fetch.sh",
    "RUN --network=none \\",
    "    --mount=type=bind,target=/context \\",
    "    --mount=type=cache,id=strata-ccache-fairscale,target=/root/.cache/ccache \\",
    "    --mount=type=bind,from=cuda,target=/stages/cuda \\",
    "    --mount=type=bind,from=torch,target=/stages/torch \\",
    "    bash -eu /context/build.sh",
    "",
    "FROM scratch",
    "COPY --link --from=build /out /",
    "",
  ]);
});

test("a wheel is built with the lock's build tools, and installs nothing into the product", (t) => {
  const stage = planOf(t, {}).stages.find(({ name }) => name === "wheel-dlib");
  assert.equal(stage?.role, "build");
  assert.deepEqual(
    stage?.files.map(({ path }) => path),
    [
      "Dockerfile",
      "build-requirements.txt",
      "build.sh",
      "fetch.sh",
      "fetch_sdist.py",
      "finish.sh",
      "toolchain.cmake",
      "trust.sh",
    ],
  );
  assert.ok(!Object.keys(stage?.inputs ?? {}).some((input) => input.startsWith("package:")));
});

/** An image with a package that is only in git. */
function planGit(t: TestContext, commit: string, location = "https://example.org/x/clip"): Plan {
  const inGit = {
    ...sampleRecipe(
      [sampleLayer("system"), sampleLayer("app", [], { python: () => ({ image: ["clip"] }) })],
      [sampleLayer("toolbox")],
    ),
    resolution: { gitPackages: { clip: { repository: "https://example.org/x/clip", requires: [] } } },
  };
  const gitPackages = { clip: { location, commit, version: "1.0" } };
  return plan(layersFolder(t, files), inGit, { lock: lockOf(buildTools) }, { ...context, gitPackages });
}

test("a package that is only in git is fetched by the builder, at its commit", (t) => {
  const commit = commitOf("clip");
  const lines = textOf(planGit(t, commit), "wheel-clip") ?? [];
  assert.deepEqual(lines.slice(0, 5), [
    "# clip as a wheel.",
    "FROM scratch AS source",
    `ADD https://example.org/x/clip.git?ref=${commit}&submodules=false /`,
    "",
    "FROM toolbox AS build",
  ]);
  assert.ok(lines.includes("    --mount=type=bind,from=source,target=/git \\"));
});

test("another commit builds a git package again, and its pin names it", (t) => {
  const stages = [commitOf("one"), commitOf("two")].map((commit) =>
    planGit(t, commit).stages.find(({ name }) => name === "wheel-clip"),
  );
  assert.deepEqual(
    stages.map((stage) => stage?.inputs["pin:clip"]),
    [commitOf("one"), commitOf("two")],
  );
  assert.notEqual(stages[0]?.key, stages[1]?.key);
});

test("a wheel's stage is called after its package, however that is written", () => {
  assert.equal(wheelStage("GroundingDINO_py"), "wheel-groundingdino-py");
});
