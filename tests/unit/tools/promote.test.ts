/** Invariant 7: tags move only to a digest that passed the whole smoke test. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { completeRun, type Evidence } from "../../../lib/evidence.ts";
import { repository } from "../../../tools/home.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../oci/support/fake-registry.ts";
import { temporaryFolder } from "./support/folder.ts";

interface Setting {
  readonly registry: FakeRegistry;
  readonly reference: string;
  /** Evidence that this digest passed everything. */
  readonly evidence: Evidence;
  /** Runs tools/promote.ts; an object is sent as JSON. */
  promote(
    evidence: string | object,
    tags?: string,
  ): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** A registry with an image that was tested (`:tested`) and the one that the tag points at so far (`:stable`). */
async function setting(t: TestContext): Promise<Setting> {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const tar = "application/vnd.oci.image.layer.v1.tar";
  registry.image("stable", [{ mediaType: tar, bytes: Buffer.from("old") }]);
  const { digest } = registry.image("tested", [{ mediaType: tar, bytes: Buffer.from("new") }]);
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  const dockerConfig = temporaryFolder(t);
  return {
    registry,
    reference,
    evidence: {
      schema: 3,
      verdict: "pass",
      startedAt: "2026-01-01T00:00:00Z",
      seconds: 1,
      due: [...completeRun],
      checks: completeRun.map((id) => ({ id, title: id, status: "pass", seconds: 0 })),
      versions: { python: "3.11.2" },
      gpu: null,
      measurements: {},
      digest,
      reference,
      recipe: "starter",
      generation: "cpu",
      checksKey: "0123456789abcdef0123",
      host: { kind: "builder" },
      preparation: {},
      cost: null,
      attempts: [],
    },
    async promote(evidence, tags = "stable") {
      const { exitCode, stdout, stderr } = await execa(process.execPath, ["tools/promote.ts"], {
        cwd: repository,
        env: { STRATA_REFERENCE: reference, STRATA_TAGS: tags, DOCKER_CONFIG: join(dockerConfig, "none") },
        input: typeof evidence === "string" ? evidence : JSON.stringify(evidence),
        reject: false,
      });
      return { code: exitCode ?? -1, stdout, stderr };
    },
  };
}

const pointsAt = ({ registry }: Setting, tag: string) => registry.content.get(`manifests/${tag}`);
const puts = ({ registry }: Setting) => registry.requests.filter((request) => request.startsWith("PUT"));

/** Every tag stays: exit code 1, nothing printed as moved, nothing sent, and an error that a person can act on. */
async function refused(made: Setting, evidence: string | object, error: RegExp): Promise<void> {
  const before = new Map(made.registry.content);
  const { code, stdout, stderr } = await made.promote(evidence, "stable other");
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, error);
  assert.doesNotMatch(stderr, /this is a bug/);
  assert.deepEqual(puts(made), []);
  assert.deepEqual(made.registry.content, before);
}

test("a pass for exactly this digest moves every tag, manifest and digest unchanged", async (t) => {
  const made = await setting(t);
  const tested = pointsAt(made, "tested");
  assert.ok(tested);
  const { code, stdout, stderr } = await made.promote(made.evidence, "stable starter-cpu");
  assert.equal(code, 0, stderr);
  const name = `${made.registry.host}/${REPOSITORY}`;
  assert.equal(stdout, `${name}:stable\n${name}:starter-cpu`);
  for (const tag of ["stable", "starter-cpu"]) {
    const moved = pointsAt(made, tag);
    assert.deepEqual(moved, tested, tag);
    const digest = createHash("sha256")
      .update(moved?.bytes ?? "")
      .digest("hex");
    assert.equal(`sha256:${digest}`, made.evidence.digest);
  }
  assert.deepEqual(
    puts(made),
    ["stable", "starter-cpu"].map((tag) => `PUT /v2/${REPOSITORY}/manifests/${tag}`),
  );
});

test("a skipped check is no obstacle, as no GPU is none for an image that was tested without one", async (t) => {
  const made = await setting(t);
  const gpu = { id: "30-torch.matmul-gpu", title: "matmul", status: "skip", seconds: 0, reason: "no GPU" };
  const { code } = await made.promote({ ...made.evidence, checks: [...made.evidence.checks, gpu] });
  assert.equal(code, 0);
});

test("a stack without tags promotes nothing and does not fail", async (t) => {
  const made = await setting(t);
  const { code, stdout, stderr } = await made.promote(made.evidence, "");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.deepEqual(puts(made), []);
});

test("evidence about another digest moves nothing", async (t) => {
  const made = await setting(t);
  const digest = `sha256:${"0".repeat(64)}`;
  const other = { ...made.evidence, digest, reference: `${made.registry.host}/${REPOSITORY}@${digest}` };
  await refused(made, other, /the evidence is about sha256:0{64}\. Tags stay\./);
});

test("a failed or inconclusive test moves nothing", async (t) => {
  const made = await setting(t);
  for (const [status, verdict] of [
    ["fail", "fail"],
    ["inconclusive", "inconclusive"],
  ]) {
    const [first, ...rest] = made.evidence.checks;
    const found = { ...made.evidence, verdict, checks: [{ ...first, status, reason: "why" }, ...rest] };
    await refused(made, found, new RegExp(`the evidence says ${verdict}\\. Tags stay\\.`));
  }
});

test("a verdict that the checks contradict moves nothing", async (t) => {
  const made = await setting(t);
  const [first, ...rest] = made.evidence.checks;
  const edited = { ...made.evidence, checks: [{ ...first, status: "fail", reason: "why" }, ...rest] };
  await refused(made, edited, /evidence\.verdict: says "pass", but the results make it "fail"/);
});

test("a test that left out checks moves nothing, and the error names them", async (t) => {
  const made = await setting(t);
  const part = { ...made.evidence, checks: made.evidence.checks.slice(0, -2) };
  await refused(made, part, /the evidence lacks 60-stop, 95-memory\. Tags stay\./);
  await refused(
    made,
    { ...made.evidence, checks: [] },
    /says "pass", but the results make it "inconclusive"/,
  );
});

test("no evidence at all moves nothing", async (t) => {
  const made = await setting(t);
  await refused(made, "", /standard input: is not JSON/);
  await refused(made, "null", /standard input: evidence: /);
  await refused(made, "{}", /standard input is not evidence/);
});

test("evidence that was edited moves nothing", async (t) => {
  const made = await setting(t);
  const { evidence } = made;
  const other = `${made.registry.host}/${REPOSITORY}@sha256:${"0".repeat(64)}`;
  await refused(
    made,
    { ...evidence, reference: other },
    /evidence\.reference: expected it to end in @sha256:/,
  );
  await refused(made, { ...evidence, promoted: true }, /evidence: Unrecognized key: "promoted"/);
  await refused(made, { ...evidence, digest: evidence.digest.slice(0, -1) }, /evidence\.digest: /);
  await refused(made, JSON.stringify(evidence).slice(0, -1), /is not JSON/);
});

test("a reference without digest moves nothing", async (t) => {
  const made = await setting(t);
  const run = await execa(process.execPath, ["tools/promote.ts"], {
    cwd: repository,
    env: { STRATA_REFERENCE: `${made.registry.host}/${REPOSITORY}:tested`, STRATA_TAGS: "stable" },
    input: JSON.stringify(made.evidence),
    reject: false,
  });
  assert.equal(run.exitCode, 1);
  assert.deepEqual(puts(made), []);
});

test("a registry that refuses the tag is an error, and no tag is printed as moved", async (t) => {
  const made = await setting(t);
  made.registry.intercept = (request, response) => {
    if (request.method !== "PUT") return false;
    response.writeHead(403, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "DENIED", message: "read only" }] }));
    return true;
  };
  const { code, stdout, stderr } = await made.promote(made.evidence);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /answered 403 for the tag \(DENIED: read only\)/);
});
