import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { completeRun } from "../../../../lib/evidence/check-results.ts";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { storeEvidence } from "../../../../tools/promotion/evidence-store.ts";
import { moveTag } from "../../../../tools/promotion/move-tag.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { pointsAt, promoting, writes } from "../promotion/support/promoting.ts";

/** Two images were promoted to `stable`, the first before the second. */
async function promotedTwice(t: TestContext) {
  const made = await promoting(t);
  const images = [await made.image("first"), await made.image("second")];
  for (const { reference, evidence } of images) {
    const { code, stderr } = await made.promote(evidence, "stable", { STRATA_REFERENCE: reference });
    assert.equal(code, 0, stderr);
  }
  const [first, second] = images;
  assert.ok(first && second);
  writes(made);
  const at = (digest: string) => {
    const here = pointsAt(made, "stable")?.bytes ?? assert.fail("there is no tag");
    return here.equals(pointsAt(made, digest)?.bytes ?? Buffer.of());
  };
  return { made, first, second, at };
}

test("the program lists the tags that were promoted, and the history of one as JSON", async (t) => {
  const { made, second } = await promotedTwice(t);
  const home = temporaryFolder(t);
  const run = (...args: string[]) =>
    execa(process.execPath, ["tools/commands/rollback.ts", ...args, "--repository", made.name], {
      cwd: repository,
      env: { STRATA_HOME: home, DOCKER_CONFIG: home },
      reject: false,
    });
  assert.equal((await run()).stdout, `${made.name}\n  stable`);
  const { stdout } = await run("stable", "--json");
  assert.deepEqual(JSON.parse(stdout), [await made.listing("stable")]);
  const back = await run("stable", second.digest.slice(0, 12), "extra");
  assert.equal(back.exitCode, 2);
  assert.deepEqual(writes(made), []);
});

test("a history tells what was promoted when, by which evidence, and nothing moves", async (t) => {
  const { made, first, second } = await promotedTwice(t);
  const { code, stdout, stderr } = await made.rollback("stable");
  assert.equal(code, 0, stderr);
  assert.ok(stdout.startsWith(`${made.name}:stable is ${second.digest}\n`));
  const rows = stdout.split("\n").filter((line) => line.includes("sha256:") && line.includes("│"));
  assert.equal(rows.length, 3, stdout);
  assert.match(
    rows[0] ?? "",
    new RegExp(`now .*${second.digest.slice(0, 19)} .*promoted .*pass: \\d+ passed; builder, no GPU`),
  );
  assert.match(rows[1] ?? "", new RegExp(`^│ +│.*${first.digest.slice(0, 19)}`));
  assert.match(rows[2] ?? "", /moved without strata .*none known/);
  assert.deepEqual(writes(made), []);
});

test("each promotion has its evidence", async (t) => {
  const { made, first, second } = await promotedTwice(t);
  const { current, movedElsewhere, promotions } = await made.listing("stable");
  assert.deepEqual([current, movedElsewhere], [second.digest, false]);
  const [newest, before] = promotions;
  assert.deepEqual(
    [newest?.digest, before?.digest, newest?.from],
    [second.digest, first.digest, first.digest],
  );
  const { artifact, testedAt, ...evidence } = newest?.evidence ?? assert.fail();
  assert.match(artifact, /^sha256:/);
  assert.equal(testedAt, second.evidence.startedAt);
  assert.deepEqual(evidence, {
    verdict: "pass",
    host: "builder",
    gpu: null,
    passed: completeRun.length,
    skipped: 0,
  });
});

test("a tag goes back to a digest by its beginning, and forward again; each time it is written down", async (t) => {
  const { made, first, second, at } = await promotedTwice(t);
  const back = await made.rollback("stable", first.digest.slice("sha256:".length, 20));
  assert.equal(back.code, 0, back.stderr);
  assert.ok(at(first.digest));
  assert.match(back.stdout, /rolled back from sha256:/);
  const forward = await made.rollback("stable", second.digest);
  assert.equal(forward.code, 0, forward.stderr);
  assert.ok(at(second.digest));
  const kinds = (await made.listing("stable")).promotions.map(({ kind }) => kind);
  assert.deepEqual(kinds, ["rollback", "rollback", "promotion", "promotion", "elsewhere"]);
});

test("what is there already is left alone", async (t) => {
  const { made, second } = await promotedTwice(t);
  const { code } = await made.rollback("stable", second.digest);
  assert.equal(code, 0);
  assert.deepEqual(writes(made), []);
});

test("an update does not undo a rollback, and another image moves the tag on", async (t) => {
  const { made, first, second, at } = await promotedTwice(t);
  await made.rollback("stable", first.digest);
  const held = await made.promote(second.evidence, "stable new", { STRATA_REFERENCE: second.reference });
  assert.equal(held.code, 0, held.stderr);
  assert.ok(at(first.digest));
  assert.match(
    held.stderr,
    /:stable stays: it was rolled back from sha256:.* npm run rollback -- stable sha256:/,
  );
  assert.equal(held.stdout, `${made.name}:new`);
  const third = await made.image("third");
  await made.promote(third.evidence, "stable", { STRATA_REFERENCE: third.reference });
  assert.ok(at(third.digest));
});

test("a digest that was never promoted to this tag, or is gone, or has lost its evidence, stays where it is", async (t) => {
  const { made, first, second, at } = await promotedTwice(t);
  const refused = async (digest: string, error: RegExp) => {
    const { code, stderr } = await made.rollback("stable", digest);
    assert.equal(code, 1);
    assert.match(stderr, error);
    assert.ok(at(second.digest));
    assert.deepEqual(writes(made), []);
  };
  const never = await made.image("never");
  writes(made);
  await refused(never.digest, /was never promoted to stable\. List them: npm run rollback -- stable/);
  const key = `manifests/${first.digest}`;
  const manifest = made.registry.content.get(key) ?? assert.fail();
  made.registry.content.delete(key);
  await refused(first.digest, /is not in the registry any more/);
  made.registry.content.set(key, manifest);
  const { promotions } = await made.listing("stable");
  made.registry.content.delete(`manifests/${promotions[1]?.evidence?.artifact}`);
  await refused(first.digest, /has no evidence that it passed, .*Tags stay\./);
  assert.match((await made.rollback("stable")).stdout, /cannot be read any more/);
});

test("evidence that it failed, or about another image, moves nothing", async (t) => {
  const { made, first, second, at } = await promotedTwice(t);
  const third = await made.image("third");
  const artifactOf = (evidence: Evidence) => storeEvidence(evidence, quickTransport());
  const failed = await artifactOf({ ...third.evidence, verdict: "fail" });
  for (const evidence of [failed, await artifactOf(first.evidence)]) {
    const moved = { at: new Date().toISOString(), kind: "promotion" as const };
    await moveTag(third.reference, "stable", { ...moved, digest: third.digest, evidence }, quickTransport());
    await moveTag(
      second.reference,
      "stable",
      { ...moved, digest: second.digest, evidence: await artifactOf(second.evidence) },
      quickTransport(),
    );
    writes(made);
    const { code, stderr } = await made.rollback("stable", third.digest);
    assert.equal(code, 1);
    assert.match(stderr, /has no evidence that it passed, .*Tags stay\./);
    assert.ok(at(second.digest));
    assert.deepEqual(writes(made), []);
  }
});

test("a tag that somebody else moved is told of", async (t) => {
  const { made, first, second } = await promotedTwice(t);
  made.registry.content.set(
    "manifests/stable",
    pointsAt(made, "never") ?? pointsAt(made, "tested") ?? assert.fail(),
  );
  const { stdout } = await made.rollback("stable");
  assert.match(
    stdout,
    new RegExp(`Somebody moved stable without strata: it was at ${second.digest.slice(0, 19)}`),
  );
  const { stderr } = await made.rollback("stable", first.digest);
  assert.match(stderr, /somebody moved it there without strata/);
});

test("a stack without a file is not taken for one with defaults, and a tag without history says so", async (t) => {
  const made = await promoting(t);
  const { stdout } = await made.rollback("nothing");
  assert.match(stdout, /:nothing is not there\nNothing was promoted to it yet\./);
  const run = await execa(process.execPath, ["tools/commands/rollback.ts", "latest", "--stack", "nope"], {
    reject: false,
  });
  assert.equal(run.exitCode, 1);
  assert.match(run.stderr, /stack nope: has no file Pulumi\.nope\.yaml/);
});
