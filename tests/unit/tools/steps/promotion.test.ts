/** Invariant 7: tags move only to a digest that passed the whole smoke test, by evidence that the registry has. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { parsePromotions } from "../../../../lib/evidence/promotions.ts";
import { readArtifact } from "../../../../oci/read/artifact.ts";
import { storeEvidence } from "../../../../tools/promotion/evidence-store.ts";
import { daysAgo, evidenceFor, onGpu, samplePromotionEnvironment } from "../../../support/evidence.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { pointsAt, promoting, type Setting, writes } from "../promotion/support/promoting.ts";

const stored = (evidence: Evidence) => storeEvidence(evidence, quickTransport());
const historyOf = async ({ name }: Setting, tag: string) => {
  const { payload } = await readArtifact(`${name}:promotions-${tag}`, quickTransport());
  return parsePromotions(payload.toString(), tag).entries;
};

/** Every tag stays: exit code 1, nothing printed as moved, nothing sent, and an error that a person can act on. */
async function refused(
  made: Setting,
  evidence: string | object,
  error: RegExp,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  writes(made);
  const before = new Map(made.registry.content);
  const { code, stdout, stderr } = await made.promote(evidence, "stable other", environment);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, error);
  assert.doesNotMatch(stderr, /this is a bug/);
  assert.deepEqual(writes(made), []);
  assert.deepEqual(made.registry.content, before);
}

test("a pass for exactly this digest moves every tag, manifest and digest unchanged, and is written down", async (t) => {
  const made = await promoting(t);
  const tested = pointsAt(made, "tested");
  assert.ok(tested);
  const { code, stdout, stderr } = await made.promote(made.evidence, "stable starter-cpu");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${made.name}:stable\n${made.name}:starter-cpu`);
  for (const tag of ["stable", "starter-cpu"]) {
    const moved = pointsAt(made, tag);
    assert.deepEqual(moved?.bytes, tested.bytes, tag);
    const digest = createHash("sha256")
      .update(moved?.bytes ?? "")
      .digest("hex");
    assert.equal(`sha256:${digest}`, made.evidence.digest);
    const [last] = (await historyOf(made, tag)).slice(-1);
    assert.equal(last?.digest, made.evidence.digest);
    assert.equal(last?.evidence, await stored(made.evidence));
  }
});

test("the same again moves nothing and sends nothing, and says the same", async (t) => {
  const made = await promoting(t);
  const first = await made.promote(made.evidence, "stable other");
  writes(made);
  const second = await made.promote(made.evidence, "stable other");
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.stdout, first.stdout);
  assert.match(second.stderr, /:stable is sha256:[0-9a-f]+, as before/);
  assert.deepEqual(writes(made), []);
});

test("a skipped check is no obstacle, as no GPU is none for an image that was tested without one", async (t) => {
  const made = await promoting(t);
  const gpu = {
    id: "30-torch.matmul-gpu",
    title: "matmul",
    status: "skip" as const,
    seconds: 0,
    reason: "no GPU",
  };
  const evidence = { ...made.evidence, checks: [...made.evidence.checks, gpu] };
  await stored(evidence);
  const { code, stderr } = await made.promote(evidence);
  assert.equal(code, 0, stderr);
});

test("a stack without tags promotes nothing and does not fail", async (t) => {
  const made = await promoting(t);
  writes(made);
  const { code, stdout, stderr } = await made.promote(made.evidence, "");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.deepEqual(writes(made), []);
});

test("evidence about another digest moves nothing", async (t) => {
  const made = await promoting(t);
  const { evidence } = await made.image("another");
  await refused(made, evidence, /the evidence is about sha256:[0-9a-f]{64}\. Tags stay\./);
});

test("a failed or inconclusive test moves nothing", async (t) => {
  const made = await promoting(t);
  for (const verdict of ["fail", "inconclusive"] as const) {
    const [first, ...rest] = made.evidence.checks;
    assert.ok(first);
    const found = {
      ...made.evidence,
      verdict,
      checks: [{ ...first, status: verdict, reason: "why" }, ...rest],
    };
    await stored(found);
    await refused(made, found, new RegExp(`the evidence says ${verdict}\\. Tags stay\\.`));
  }
});

test("a pass that Pulumi kept moves nothing once a newer test of the same digest failed; the next pass does", async (t) => {
  const made = await promoting(t);
  const [first, ...rest] = made.evidence.checks;
  assert.ok(first);
  const at = (seconds: number) =>
    new Date(Date.parse(made.evidence.startedAt) + seconds * 1000).toISOString();
  const checks = [{ ...first, status: "fail" as const, reason: "another driver" }, ...rest];
  await stored({ ...made.evidence, verdict: "fail", checks, startedAt: at(10) });
  await refused(
    made,
    made.evidence,
    /a newer test failed, on \S+ \(builder, sha256:[0-9a-f]{64}\)\. Tags stay\./,
  );
  const again = { ...made.evidence, startedAt: at(20) };
  await stored(again);
  const { code, stderr } = await made.promote(again);
  assert.equal(code, 0, stderr);
});

test("what the builder saw fail since is no answer to a pass on a GPU, but the reverse is", async (t) => {
  const made = await promoting(t);
  const [first, ...rest] = made.evidence.checks;
  assert.ok(first);
  const checks = [{ ...first, status: "fail" as const, reason: "broken" }, ...rest];
  const onCard = evidenceFor(made.reference, { ...onGpu, startedAt: daysAgo(2) });
  await stored(onCard);
  await stored({ ...made.evidence, verdict: "fail", checks, startedAt: daysAgo(1) });
  const { code, stderr } = await made.promote(onCard);
  assert.equal(code, 0, stderr);
  const now = new Date().toISOString();
  await stored({ ...made.evidence, ...onGpu, verdict: "fail", checks, startedAt: now });
  await refused(made, made.evidence, /a newer test failed, on \S+ \(ssh box, /);
});

test("a verdict that the checks contradict moves nothing", async (t) => {
  const made = await promoting(t);
  const [first, ...rest] = made.evidence.checks;
  const edited = { ...made.evidence, checks: [{ ...first, status: "fail", reason: "why" }, ...rest] };
  await refused(made, edited, /evidence\.verdict: says "pass", but the results make it "fail"/);
});

test("a test that left out checks moves nothing, and the error names them", async (t) => {
  const made = await promoting(t);
  const part = { ...made.evidence, checks: made.evidence.checks.slice(0, -2) };
  await stored(part);
  await refused(made, part, /the evidence lacks 60-stop, 95-memory\. Tags stay\./);
  await refused(
    made,
    { ...made.evidence, checks: [] },
    /says "pass", but the results make it "inconclusive"/,
  );
});

test("no evidence at all moves nothing", async (t) => {
  const made = await promoting(t);
  await refused(made, "", /standard input: is not JSON/);
  await refused(made, "null", /standard input: evidence: /);
  await refused(made, "{}", /standard input is not evidence/);
});

test("evidence that was changed by hand moves nothing, however plausible it is", async (t) => {
  const made = await promoting(t);
  const { evidence } = made;
  const notStored = /this evidence is not stored with the image \(as sha256:[0-9a-f]{64}\)\. Tags stay\./;
  await refused(made, { ...evidence, startedAt: daysAgo(0) }, notStored);
  await refused(made, { ...evidence, ...onGpu }, notStored, { STRATA_EVIDENCE_HOST: "gpu" });
  await refused(made, { ...evidence, measurements: { tokensPerSecond: 1000 } }, notStored);
  const other = `${made.name}@sha256:${"0".repeat(64)}`;
  await refused(
    made,
    { ...evidence, reference: other },
    /evidence\.reference: expected it to end in @sha256:/,
  );
  await refused(made, { ...evidence, promoted: true }, /evidence: Unrecognized key: "promoted"/);
  await refused(made, { ...evidence, digest: evidence.digest.slice(0, -1) }, /evidence\.digest: /);
  await refused(made, JSON.stringify(evidence).slice(0, -1), /is not JSON/);
});

test("evidence that the registry has not, or has otherwise, moves nothing", async (t) => {
  const made = await promoting(t);
  await refused(
    made,
    evidenceFor(made.reference, { seconds: 42 }),
    /this evidence is not stored with the image/,
  );
  // Somebody put other bytes where the evidence lay.
  const digest = await stored(made.evidence);
  const manifest = JSON.parse(made.registry.content.get(`manifests/${digest}`)?.bytes.toString() ?? "");
  const blob = `blobs/${manifest.layers[0].digest}`;
  const bytes = Buffer.from(JSON.stringify({ ...made.evidence, seconds: 42 }));
  made.registry.content.set(blob, { mediaType: "application/octet-stream", bytes });
  await refused(made, made.evidence, /blob sha256:[0-9a-f]+ from .* (has the digest|is longer|broke off)/);
});

test("evidence that is too old, or by other checks, moves nothing", async (t) => {
  const made = await promoting(t);
  const old = evidenceFor(made.reference, { startedAt: daysAgo(31) });
  await stored(old);
  await refused(made, old, /the evidence is 31 days old, of 30\. Tags stay\. Test again: make up RETEST=1/);
  const { code } = await made.promote(old, "stable", { STRATA_MAX_AGE_DAYS: "32" });
  assert.equal(code, 0);
  await refused(made, made.evidence, /by other checks than today's\. Tags stay\./, {
    STRATA_CHECKS: "f".repeat(20),
  });
});

test("a tag for a GPU wants a GPU's word where the stack says so", async (t) => {
  const made = await promoting(t);
  const gpu = { STRATA_EVIDENCE_HOST: "gpu" };
  await refused(made, made.evidence, /the evidence comes from the builder without a GPU\. Tags stay\./, gpu);
  const tested = evidenceFor(made.reference, onGpu);
  await stored(tested);
  const { code, stderr } = await made.promote(tested, "stable", gpu);
  assert.equal(code, 0, stderr);
  await refused(made, tested, /STRATA_EVIDENCE_HOST: expected any or gpu/, { STRATA_EVIDENCE_HOST: "g" });
});

test("a tag for a GPU that moves on the builder's word says so", async (t) => {
  const made = await promoting(t);
  const ada = evidenceFor(made.reference, { generation: "ada" });
  await stored(ada);
  const plain = /evidence: by the builder, which has no GPU; what needs one was not tested/;
  assert.match((await made.promote(ada)).stderr, plain);
  assert.doesNotMatch((await made.promote(made.evidence)).stderr, plain);
});

test("a reference without digest moves nothing", async (t) => {
  const made = await promoting(t);
  await refused(made, made.evidence, /has no digest/, { STRATA_REFERENCE: `${made.name}:tested` });
});

test("a registry that refuses the tag is an error, and no tag is printed as moved", async (t) => {
  const made = await promoting(t);
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

test("a run that ends between tag and history says so, and the next one makes it good", async (t) => {
  const made = await promoting(t);
  await made.promote((await made.image("before")).evidence, "stable", {
    STRATA_REFERENCE: (await made.image("before")).reference,
  });
  made.registry.intercept = (request, response) => {
    if (request.method !== "PUT" || !request.url?.includes("promotions-")) return false;
    response.writeHead(400).end();
    return true;
  };
  const broken = await made.promote(made.evidence);
  assert.equal(broken.code, 1);
  assert.match(
    broken.stderr,
    /:stable: is sha256:\w+ now, but that could not be written down: .*answered 400/,
  );
  assert.deepEqual(pointsAt(made, "stable")?.bytes, pointsAt(made, "tested")?.bytes);
  made.registry.intercept = () => false;
  writes(made);
  const next = await made.promote(made.evidence);
  assert.equal(next.code, 0, next.stderr);
  assert.ok(!writes(made).includes(`PUT /v2/${REPOSITORY}/manifests/stable`), "the tag was moved again");
  assert.doesNotMatch(next.stderr, /without strata/);
  assert.deepEqual(
    (await historyOf(made, "stable")).map(({ kind }) => kind),
    ["elsewhere", "promotion", "promotion"],
  );
});

test("a tag that somebody else moved is told of and written down", async (t) => {
  const made = await promoting(t);
  await made.promote(made.evidence);
  const theirs = await made.image("theirs");
  made.registry.content.set("manifests/stable", pointsAt(made, theirs.digest) ?? assert.fail());
  const { code, stderr } = await made.promote(made.evidence);
  assert.equal(code, 0, stderr);
  assert.ok(stderr.includes(`:stable was at ${theirs.digest}: somebody moved it there without strata`));
  assert.deepEqual(pointsAt(made, "stable")?.bytes, pointsAt(made, "tested")?.bytes);
  const [noticed, promoted] = (await historyOf(made, "stable")).slice(-2);
  assert.deepEqual([noticed?.kind, noticed?.digest, noticed?.evidence], ["elsewhere", theirs.digest, null]);
  assert.deepEqual([promoted?.kind, promoted?.from], ["promotion", theirs.digest]);
});

test("the programs read what the components set, and their evidence from stdin", async (t) => {
  const made = await promoting(t);
  await using target = await startFakeRegistry();
  const home = temporaryFolder(t);
  const run = (program: string, environment: Readonly<Record<string, string>> = {}) =>
    execa(process.execPath, [`tools/steps/${program}`], {
      cwd: repository,
      env: {
        STRATA_HOME: home,
        DOCKER_CONFIG: home,
        ...samplePromotionEnvironment(made.reference, "stable new"),
        ...environment,
      },
      input: JSON.stringify(made.evidence),
      reject: false,
    });
  const promoted = await run("promotion.ts");
  assert.equal(promoted.exitCode, 0, promoted.stderr);
  assert.equal(promoted.stdout, `${made.name}:stable\n${made.name}:new`);
  const name = `${target.host}/${REPOSITORY}`;
  const copied = await run("product-copy.ts", {
    STRATA_TARGET: name,
    STRATA_PRODUCT_TAG: "product-starter-1",
  });
  assert.equal(copied.exitCode, 0, copied.stderr);
  assert.equal(copied.stdout, `${name}:stable\n${name}:new`);
  const refusedRun = await run("promotion.ts", { STRATA_CHECKS: "other" });
  assert.equal(refusedRun.exitCode, 1);
  assert.match(refusedRun.stderr, /Tags stay/);
});

test("a first promotion goes on where absent tags are answered with 403, and no history is begun over one that is there", async (t) => {
  const made = await promoting(t);
  const isTag = (url = "") => url.includes("/manifests/") && !url.includes("sha256:");
  let refuses = (name: string) => !made.registry.content.has(name);
  made.registry.intercept = ({ url = "", method }, response) => {
    const name = url.replace(`/v2/${REPOSITORY}/`, "");
    if (!["GET", "HEAD"].includes(method ?? "") || !isTag(url) || !refuses(name)) return false;
    response.writeHead(403).end();
    return true;
  };
  const first = await made.promote(made.evidence, "new");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /:new is not there yet: the registry answers 403 for it/);
  assert.equal((await historyOf(made, "new")).length, 1);
  const other = await made.image("other");
  // The history is there, and this login may not read it.
  refuses = (name) => name.includes("promotions-") || name.includes("none-");
  const second = await made.run(other.evidence, { STRATA_REFERENCE: other.reference, STRATA_TAGS: "new" });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /promotions-new: registry .* answered 403 for the tag/);
  refuses = () => false;
  assert.deepEqual(
    (await historyOf(made, "new")).map(({ digest }) => digest),
    [made.evidence.digest],
  );
});
