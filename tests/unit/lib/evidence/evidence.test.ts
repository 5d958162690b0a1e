import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { UserError, UserErrors } from "../../../../errors.ts";
import { absentChecks, completeRun, judge, summarise } from "../../../../lib/evidence/check-results.ts";
import {
  type Evidence,
  parseEvidence,
  parseRunReport,
  type RunReport,
} from "../../../../lib/evidence/evidence.ts";
import { imageCheck } from "../../../../lib/evidence/image-results.ts";

const digest = `sha256:${"a".repeat(64)}`;

const report: RunReport = {
  schema: 3,
  verdict: "pass",
  startedAt: "2026-11-21T10:27:49Z",
  seconds: 4.2,
  due: ["10-imports", "70-comfyui"],
  checks: [
    {
      id: "10-imports.flash_attn",
      title: "flash_attn imports",
      status: "pass",
      seconds: 1.6,
      reason: "2.8.3",
    },
    { id: "30-torch.matmul-gpu", title: "matmul on the GPU", status: "skip", seconds: 0, reason: "no GPU" },
  ],
  versions: { python: "3.11.2", "llama.cpp": "b8505-0c1e570" },
  gpu: null,
  measurements: { tokensPerSecond: 12019.1, startSeconds: 0.9, comfyuiNodes: 37 },
};

const evidence: Evidence = {
  ...report,
  digest,
  reference: `localhost:5000/strata/starter@${digest}`,
  recipe: "starter",
  generation: "cpu",
  checksKey: "0123456789abcdef0123",
  host: { kind: "builder" },
  preparation: {},
  cost: null,
  attempts: [],
};

const result = (status: "pass" | "fail" | "skip" | "inconclusive") => ({
  id: "10-imports.torch",
  title: "torch imports",
  status,
  seconds: 0,
});

function problemOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  throw new Error("expected an error");
}

test("a run report and evidence come back as they were", () => {
  assert.deepEqual(parseRunReport(JSON.stringify(report), "run.json"), report);
  assert.deepEqual(parseEvidence(JSON.stringify(evidence), "evidence.json"), evidence);
  const onDevice: Evidence = { ...evidence, host: { kind: "builder", device: "nvidia.com/gpu=all" } };
  assert.deepEqual(parseEvidence(JSON.stringify(onDevice), "evidence.json"), onDevice);
  const none = { ...evidence, host: { kind: "builder", device: "" } };
  assert.match(
    problemOf(() => parseEvidence(JSON.stringify(none), "evidence.json")),
    /host\.device/,
  );
});

test("a GPU and its host are part of the evidence", () => {
  const onGpu: Evidence = {
    ...evidence,
    gpu: { name: "NVIDIA L4", computeCapability: "8.9", driver: "580.65.06", memoryBytes: 24_000_000_000 },
    host: { kind: "aws", name: "i-0abc", instanceType: "g6.xlarge", zone: "us-east-1a", market: "spot" },
  };
  assert.deepEqual(parseEvidence(JSON.stringify(onGpu), "evidence.json"), onGpu);
});

test("text that is not JSON is named with its file", () => {
  assert.match(
    problemOf(() => parseRunReport("{", "run.json")),
    /^run\.json: is not JSON: .* Run the smoke test again\.$/,
  );
});

test("an unknown field is refused", () => {
  const text = JSON.stringify({ ...report, colour: "blue" });
  assert.match(
    problemOf(() => parseRunReport(text, "run.json")),
    /run\.json: evidence: .*colour/,
  );
});

test("all problems come at once, each with its place", () => {
  const text = JSON.stringify({
    ...evidence,
    digest: "latest",
    checks: [{ ...result("pass"), seconds: -1 }],
  });
  let error: unknown;
  try {
    parseEvidence(text, "evidence.json");
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof UserErrors);
  assert.match(error.message, /evidence\.digest: expected sha256:/);
  assert.match(error.message, /evidence\.checks\[0\]\.seconds: /);
});

test("a verdict that the results do not bear out is refused", () => {
  for (const status of ["fail", "skip", "inconclusive"] as const) {
    const text = JSON.stringify({ ...report, checks: [result(status)] });
    assert.match(
      problemOf(() => parseRunReport(text, "run.json")),
      /evidence\.verdict: says "pass", but the results/,
    );
  }
  assert.throws(() => parseRunReport(JSON.stringify({ ...report, checks: [] }), "run.json"), UserError);
});

test("a reference to another digest is refused", () => {
  const text = JSON.stringify({ ...evidence, reference: "localhost:5000/strata/starter:latest" });
  assert.match(
    problemOf(() => parseEvidence(text, "evidence.json")),
    /evidence\.reference: expected it to end in @sha256:a/,
  );
});

test("the verdict follows from the results", () => {
  assert.equal(judge([result("pass"), result("skip")]), "pass");
  assert.equal(judge([result("pass"), result("fail"), result("inconclusive")]), "fail");
  assert.equal(judge([result("pass"), result("inconclusive")]), "inconclusive");
  assert.equal(judge([result("skip")]), "inconclusive");
  assert.equal(judge([]), "inconclusive");
});

test("the summary counts, and names what is inconclusive only when there is something", () => {
  assert.equal(summarise(report), "1 passed, 0 failed, 1 skipped");
  assert.equal(
    summarise({ checks: [result("pass"), result("inconclusive")] }),
    "1 passed, 0 failed, 0 skipped, 1 inconclusive",
  );
});

test("a partial run is seen to be partial", () => {
  assert.deepEqual(absentChecks(report), [
    "00-image",
    "15-environment",
    "20-libraries",
    "25-driver",
    "40-attention",
    "50-services",
    "60-stop",
    "95-memory",
    "70-comfyui",
  ]);
  const checks = completeRun.map((id) => ({ ...result("pass"), id }));
  assert.deepEqual(absentChecks({ checks, due: [] }), []);
  assert.deepEqual(absentChecks({ checks, due: ["70-comfyui"] }), ["70-comfyui"]);
});

test("the check of an instance takes the place of those that do not exist for one, and only once it is there", () => {
  const folder = new URL("../../../../smoke/checks/", import.meta.url);
  const idOf = (file: string) => file.replace("_", "-").replace(".py", "");
  const replaced = globSync("*.py", { cwd: folder })
    .filter((file) => /^WITHOUT = "instance"/m.test(readFileSync(new URL(file, folder), "utf8")))
    .map(idOf)
    .filter((id) => completeRun.includes(id));
  assert.deepEqual(replaced.sort(), ["50-services", "60-stop"]);
  const checks = completeRun.filter((id) => !replaced.includes(id)).map((id) => ({ ...result("pass"), id }));
  const due = ["85-instance"];
  assert.deepEqual(absentChecks({ checks, due }), due);
  const instance = { ...result("pass"), id: "85-instance.ports" };
  assert.deepEqual(absentChecks({ checks: [...checks, instance], due }), []);
  assert.deepEqual(absentChecks({ checks, due: [] }), replaced);
});

test("every measurement that a check makes has its place", () => {
  const folder = new URL("../../../../smoke/", import.meta.url);
  const source = globSync("{checks,lib}/*.py", { cwd: folder })
    .map((path) => readFileSync(new URL(path, folder), "utf8"))
    .join("\n");
  // By its name where it is measured, or where that is called.
  const names = [...source.matchAll(/(?:\.measure\(|check_stop\([^)]*)"(\w+)"/g)].map(
    ([, name = ""]) => name,
  );
  for (const name of ["firstTokenSeconds", "gpuMemoryLeftBytes", "instanceStopSeconds", "stopSeconds"])
    assert.ok(names.includes(name), name);
  const measurements = Object.fromEntries(names.map((name) => [name, 1]));
  const text = JSON.stringify({ ...report, measurements });
  assert.deepEqual(parseRunReport(text, "run.json").measurements, measurements);
});

test("a host that cannot test the image is no verdict on it", () => {
  const trouble = {
    id: "00-host",
    title: "the host can test this image",
    status: "inconclusive",
    seconds: 0,
  };
  const text = JSON.stringify({ ...report, verdict: "inconclusive", checks: [trouble] });
  assert.equal(parseRunReport(text, "run.json").verdict, "inconclusive");
});

test("a complete run is every file of smoke/checks that does not need a part of the image", () => {
  const folder = new URL("../../../../smoke/checks/", import.meta.url);
  const checks = readdirSync(folder)
    .filter((name) => /^\d\d_\w+\.py$/.test(name))
    .filter((name) => !/^NEEDS = /m.test(readFileSync(new URL(name, folder), "utf8")))
    .sort();
  assert.deepEqual(completeRun, [
    imageCheck,
    ...checks.map((name) => name.replace(/\.py$/, "").replaceAll("_", "-")),
  ]);
});
