/**
 * The breakages of docs/smoke-test.md that need no GPU: an image that is broken in each of these ways is caught by the
 * check that is meant for it, and by no other, and the tag stays where it was.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../home.ts";
import { type CheckResult, judge } from "../../lib/evidence/check-results.ts";
import { parseRunReport } from "../../lib/evidence/evidence.ts";
import { type DescribedImage, imageResults } from "../../lib/evidence/image-results.ts";
import { readImage } from "../../oci/read/image.ts";
import { storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { evidenceFor, samplePromotionEnvironment } from "../support/evidence.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../unit/oci/support/fake-registry.ts";

interface Breakage {
  /** Its number in docs/smoke-test.md. */
  readonly number: number;
  readonly title: string;
  /** What smoke/tests/stand_in.py calls it. */
  readonly name: string;
  /** The checks that can see it, which are all that run. */
  readonly checks: string;
  /** Every result that is not a pass or a skip. */
  readonly caught: readonly string[];
}

/** Checks of the image's files alone take a second, services a few. */
const files = "10,15,20,25";
const breakages: readonly Breakage[] = [
  {
    number: 1,
    title: "torch has no code for the image's GPUs",
    name: "kernels",
    checks: files,
    caught: ["10-imports.kernels"],
  },
  {
    number: 1,
    title: "an attention kernel was compiled for other cards",
    name: "cards",
    checks: files,
    caught: ["20-libraries.kernels"],
  },
  {
    number: 2,
    title: "an extension with an undefined symbol",
    name: "symbol",
    checks: files,
    caught: ["10-imports.flash_attn"],
  },
  {
    number: 3,
    title: "torch and torchvision of two CUDA versions",
    name: "torchvision",
    checks: files,
    caught: ["10-imports.torchvision-cuda"],
  },
  {
    number: 4,
    title: "a demand for a newer driver than the image needs",
    name: "demand",
    checks: files,
    caught: ["15-environment.demand"],
  },
  {
    number: 5,
    title: "a package of ComfyUI's interface is missing",
    name: "templates",
    checks: "10,70",
    caught: ["10-imports.comfyui", "10-imports.lock", "70-comfyui.packages"],
  },
  { number: 5, title: "no interface", name: "frontend", checks: "70", caught: ["70-comfyui.frontend"] },
  {
    number: 6,
    title: "packages would go into another environment",
    name: "environment",
    checks: files,
    caught: ["15-environment.python"],
  },
  {
    number: 6,
    title: "a node that fails to import",
    name: "node",
    checks: "70",
    caught: ["70-comfyui.node-ComfyUI-KJNodes"],
  },
  {
    number: 7,
    title: "a library that nothing brings",
    name: "library",
    checks: files,
    caught: ["20-libraries.found"],
  },
  {
    number: 8,
    title: "a package that was replaced",
    name: "replaced",
    checks: files,
    caught: ["10-imports.lock"],
  },
  {
    number: 8,
    title: "packages that are installed later may replace the image's",
    name: "unconstrained",
    checks: files,
    caught: ["15-environment.constraints"],
  },
  {
    number: 9,
    title: "ComfyUI-Manager looks for its settings elsewhere",
    name: "manager",
    checks: "70",
    caught: ["70-comfyui.manager-settings"],
  },
  {
    number: 10,
    title: "the code of an old volume runs",
    name: "volume",
    checks: "70",
    caught: ["70-comfyui.old-volume"],
  },
  { number: 11, title: "it runs as root", name: "root", checks: files, caught: ["15-environment.user"] },
  {
    number: 11,
    title: "a volume of somebody else's ends it without a word",
    name: "closed",
    checks: "70",
    caught: ["70-comfyui.closed-volume"],
  },
  {
    number: 12,
    title: "the engine is not asked for libcuda",
    name: "capabilities",
    checks: files,
    caught: ["15-environment.gpu"],
  },
  {
    number: 13,
    title: "the services never get ready",
    name: "crash",
    checks: "50,60",
    caught: ["50-services.start", "60-stop.start"],
  },
  {
    number: 13,
    title: "ComfyUI is started again and again",
    name: "restarts",
    checks: "70",
    caught: ["70-comfyui.start"],
  },
  {
    number: 14,
    title: "a model where ComfyUI does not look",
    name: "model",
    checks: "70",
    caught: ["70-comfyui.models"],
  },
  {
    number: 15,
    title: "a library for another processor",
    name: "processor",
    checks: files,
    caught: ["20-libraries.found"],
  },
];

const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from("a layer") };
const config = {
  architecture: "amd64",
  os: "linux",
  config: {
    Labels: {
      "strata.compute-capabilities": "8.9",
      "strata.minimum-driver": "580.65.06",
      "strata.size-budget": "1 MB",
    },
  },
};

let registry: FakeRegistry;
before(async () => {
  registry = await startFakeRegistry();
  registry.image("stable", [{ ...layer, bytes: Buffer.from("an older layer") }], config);
});
after(() => registry[Symbol.asyncDispose]());

/** The results of the checks in a stand-in of the image; undefined where this machine cannot make one. */
async function run(context: TestContext, name: string, checks: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), "strata-stand-in-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(repository, "smoke/tests/stand_in.py");
  const { exitCode, all } = await execa("python3", [program, folder, name, ...(checks ? [checks] : [])], {
    all: true,
    reject: false,
  });
  if (exitCode === 77) {
    context.skip(all);
    return undefined;
  }
  return parseRunReport(readFileSync(join(folder, "evidence.json"), "utf8"), all);
}

/** Promotes the image with these results beside those that its registry gives; whether the tag moved, and why not. */
async function promote(
  results: readonly CheckResult[],
  image: object = config,
  due: readonly string[] = [],
): Promise<{ moved: boolean; errors: string; checks: readonly CheckResult[] }> {
  const { digest } = registry.image("tested", [layer], image);
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  const checks = [...imageResults((await readImage(reference)) as DescribedImage, registry.host), ...results];
  const evidence = evidenceFor(reference, {
    verdict: judge(checks),
    due: [...due],
    checks,
    recipe: "stand-in",
    generation: "ada",
  });
  // What a test found lies with the image before anybody asks for a tag.
  await storeEvidence(evidence);
  const { exitCode, stderr } = await execa(process.execPath, ["tools/steps/promotion.ts"], {
    cwd: repository,
    env: samplePromotionEnvironment(reference, "stable"),
    input: JSON.stringify(evidence),
    reject: false,
  });
  const moved = registry.content.get("manifests/stable") === registry.content.get(`manifests/${digest}`);
  assert.equal(exitCode === 0, moved, stderr);
  return { moved, errors: stderr, checks };
}

const wrong = (checks: readonly CheckResult[]) =>
  checks.filter(({ status }) => status !== "pass" && status !== "skip").map(({ id }) => id);

for (const { number, title, name, checks, caught } of breakages) {
  test(`breakage ${number}: ${title}`, async (t) => {
    const report = await run(t, name, checks);
    if (!report) return;
    assert.deepEqual(wrong(report.checks).sort(), [...caught]);
    const { moved, errors } = await promote(report.checks);
    assert.equal(moved, false);
    assert.match(errors, /the evidence says fail\. Tags stay\./);
  });
}

test("breakage 4: an image that does not say which driver it needs", async () => {
  const { Labels } = config.config;
  const unlabelled = { ...config, config: { Labels: { ...Labels, "strata.minimum-driver": "" } } };
  const { moved, checks } = await promote([], unlabelled);
  assert.deepEqual([moved, wrong(checks)], [false, ["00-image.driver"]]);
});

test("breakage 15: an image for another processor, and one that is too large", async () => {
  const arm = await promote([], { ...config, architecture: "arm64" });
  assert.deepEqual([arm.moved, wrong(arm.checks)], [false, ["00-image.platform"]]);
  const { Labels } = config.config;
  const large = await promote([], {
    ...config,
    config: { Labels: { ...Labels, "strata.size-budget": "10 B" } },
  });
  assert.deepEqual([large.moved, wrong(large.checks)], [false, ["00-image.size"]]);
});

test("every breakage has a test here", () => {
  const numbers = new Set(breakages.map(({ number }) => number));
  assert.deepEqual(
    [...numbers].sort((a, b) => a - b),
    Array.from({ length: 15 }, (_, index) => index + 1),
  );
});

// Last, because it moves the tag.
test("an image without any of them passes every check, and the tag moves to it", async (t) => {
  const report = await run(t, "none", undefined);
  if (!report) return;
  assert.deepEqual(wrong(report.checks), []);
  const { moved, errors } = await promote(report.checks, config, report.due);
  assert.equal(moved, true, errors);
});
