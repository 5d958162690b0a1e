import assert from "node:assert/strict";
import { test } from "node:test";
import { osvRecordSchema } from "../../../../lib/vulnerabilities/osv-record.ts";
import {
  isAtLeast,
  scoreOf,
  severities,
  severityOf,
  worseOf,
} from "../../../../lib/vulnerabilities/severity.ts";
import { critical, medium } from "../../../support/osv-records.ts";

const judged = (record: object, entry: object = {}) => {
  const { affected, ...parsed } = osvRecordSchema.parse({ id: "X-1", affected: [entry], ...record });
  return severityOf({ affected, ...parsed }, affected);
};

test("vectors of all of CVSS's versions have the score that FIRST's own examples give", () => {
  assert.equal(scoreOf(critical), 9.8);
  assert.equal(scoreOf(medium), 5.5);
  assert.equal(scoreOf("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"), 9.3);
  assert.equal(scoreOf("AV:N/AC:L/Au:N/C:P/I:P/A:P"), 7.5);
  assert.equal(scoreOf("CVSS:3.1/AV:N"), null);
  assert.equal(scoreOf("no vector"), null);
});

test("the newer CVSS decides, else the words of who tells of it", () => {
  const severity = [
    { type: "CVSS_V3", score: critical },
    { type: "CVSS_V4", score: "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N" },
  ];
  assert.equal(judged({ severity }).severity, "low");
  assert.deepEqual(judged({ severity: severity.slice(0, 1) }), { severity: "critical", score: 9.8 });
  assert.deepEqual(judged({ database_specific: { severity: "MODERATE" } }), {
    severity: "medium",
    score: null,
  });
  assert.deepEqual(judged({}), { severity: "unknown", score: null });
  assert.equal(judged({}, { severity: severity.slice(0, 1) }).severity, "critical");
});

test("what distributions say of their own packages goes before a score", () => {
  const severity = [{ type: "CVSS_V3", score: critical }];
  assert.equal(
    judged({ severity }, { ecosystem_specific: { urgency: "unimportant" } }).severity,
    "negligible",
  );
  assert.equal(
    judged({ severity }, { ecosystem_specific: { urgency: "not yet assigned" } }).severity,
    "critical",
  );
  assert.equal(judged({ severity: [...severity, { type: "Ubuntu", score: "low" }] }).severity, "low");
});

test("each severity is at least every milder one; what is unknown is like low", () => {
  const passed = (level: (typeof severities)[number]) => severities.filter((each) => isAtLeast(each, level));
  assert.deepEqual(passed("critical"), ["critical"]);
  assert.deepEqual(passed("high"), ["critical", "high"]);
  assert.deepEqual(passed("low"), ["critical", "high", "medium", "low", "unknown"]);
});

test("of two judgements the worse counts, and any before none", () => {
  const [low, high] = [
    { severity: "low", score: 2 },
    { severity: "high", score: null },
  ] as const;
  assert.equal(worseOf(low, high), high);
  assert.equal(worseOf(high, low), high);
  assert.equal(worseOf({ severity: "unknown", score: null }, low), low);
});
