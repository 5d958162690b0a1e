import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import type { Evidence } from "../../../../lib/evidence/evidence.ts";
import { previousOfClone } from "../../../../tools/preview/read-previous.ts";
import { writeJson } from "../../../../tools/program/files.ts";
import { daysAgo, evidenceFor, onGpu } from "../../../support/evidence.ts";
import { sampleDigest, sampleKey, sampleState } from "../../../support/states.ts";
import { temporaryFolder } from "../../support/folder.ts";

const digest = sampleDigest("d");
const passed = evidenceFor(`registry.example/team/strata@${digest}`, { startedAt: daysAgo(2) });
const [first, ...rest] = passed.checks;
const failed: Evidence = {
  ...passed,
  verdict: "fail",
  startedAt: daysAgo(1),
  checks: [{ ...(first as (typeof rest)[number]), status: "fail", reason: "broken" }, ...rest],
};

function stateWith(evidence: Evidence) {
  return sampleState({
    stages: { starter: { key: sampleKey("a"), inputs: {} } },
    components: {
      "strata:index:LayeredImage starter": { reference: passed.reference, digest },
      "strata:index:SmokeTest starter-smoke": { evidence: JSON.stringify(evidence) },
    },
  });
}

test("a test that failed since is what a preview shows, not the pass that the state kept", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const shown = async (evidence = passed) => {
    const { evidence: summary } = await previousOfClone(home, { state: stateWith(evidence) });
    return [summary?.verdict, summary?.failed];
  };
  const keep = (evidence: Evidence) =>
    writeJson(join(home.evidence, `${digest.replace(":", "-")}.json`), evidence);
  assert.deepEqual(await shown(), ["pass", 0]);
  await keep(failed);
  assert.deepEqual(await shown(), ["fail", 1]);
  // By other checks, before the pass, or where there is no GPU to answer one: no answer.
  await keep({ ...failed, checksKey: "others" });
  assert.deepEqual(await shown(), ["pass", 0]);
  await keep({ ...failed, startedAt: daysAgo(3) });
  assert.deepEqual(await shown(), ["pass", 0]);
  await keep(failed);
  assert.deepEqual(await shown({ ...passed, ...onGpu }), ["pass", 0]);
  await keep({ ...failed, verdict: "inconclusive" });
  assert.deepEqual(await shown(), ["pass", 0]);
});
