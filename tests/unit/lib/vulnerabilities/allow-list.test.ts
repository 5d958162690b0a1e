import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../../../errors.ts";
import {
  allowListNotes,
  parseAllowList,
  sortByAllowList,
} from "../../../../lib/vulnerabilities/allow-list.ts";
import { gateTerms } from "../../../../lib/vulnerabilities/gate-terms.ts";
import type { Vulnerability } from "../../../../lib/vulnerabilities/vulnerability.ts";
import {
  refusedByGate,
  stoppedBy,
  vulnerabilitiesSetting,
} from "../../../../lib/vulnerabilities/vulnerability-gate.ts";
import { temporaryFolder } from "../../support/folder.ts";

const found = (id: string, more: Partial<Vulnerability> = {}): Vulnerability => ({
  id,
  aliases: ["GHSA-aaaa-bbbb-cccc"],
  package: "openssl",
  version: "3.0.1-1",
  parts: ["libssl3"],
  severity: "high",
  score: 7.5,
  fixed: "3.0.2-1",
  summary: "",
  foundBy: ["osv"],
  ...more,
});

const list = `
- id: CVE-2026-1
  reason: nothing here listens
  expires: 2026-12-31
- id: ghsa-aaaa-bbbb-cccc
  package: libssl3
  reason: not built in
  expires: 2026-11-30
`;

test("an entry lets pass what it names until its last day, by any name, in its package", () => {
  const entries = parseAllowList(list, "allow.yaml");
  const all = [
    found("CVE-2026-1", { aliases: [] }),
    found("CVE-2026-2"),
    found("CVE-2026-3", { parts: [], package: "curl" }),
  ];
  const on = (day: string) => {
    const { open, allowed, expired, unused } = sortByAllowList(all, entries, day);
    return [open, allowed.map((each) => each.found), expired, unused].map((each) => each.map(({ id }) => id));
  };
  assert.deepEqual(on("2026-11-30"), [["CVE-2026-3"], ["CVE-2026-1", "CVE-2026-2"], [], []]);
  assert.deepEqual(on("2026-12-01"), [
    ["CVE-2026-2", "CVE-2026-3"],
    ["CVE-2026-1"],
    ["ghsa-aaaa-bbbb-cccc"],
    [],
  ]);
});

test("what counts no more and what nothing needs is told", () => {
  const sorted = sortByAllowList([], parseAllowList(list, "allow.yaml"), "2026-12-01");
  assert.deepEqual(allowListNotes(sorted), [
    "allowed until 2026-11-30, so no more: ghsa-aaaa-bbbb-cccc in libssl3 (not built in)",
    "allowed, and not there any more: CVE-2026-1",
  ]);
});

test("every mistake in a list is told with its place", () => {
  const wrong = `
- id: CVE-2026-1
  reason: " "
  expires: 2026-02-30
- id: nothing
  reason: why
- id: CVE-2026-2
  reason: why
  expires: 2026-12-01
  until: 2027-01-01
`;
  assert.throws(
    () => parseAllowList(wrong, "allow.yaml"),
    (error: Error) => {
      assert.ok(error instanceof UserError);
      for (const part of [
        /entry 1\.reason/,
        /entry 1\.expires/,
        /entry 2\.id/,
        /entry 2\.expires: is missing/,
        /entry 3\.until/,
      ]) {
        assert.match(error.message, part);
      }
      return true;
    },
  );
  assert.throws(() => parseAllowList("- [", "allow.yaml"), /allow\.yaml: is no YAML/);
  assert.deepEqual(parseAllowList("", "allow.yaml"), []);
});

test("a gate stops what is as bad or worse, all or only what has a fix", () => {
  const all = [
    found("CVE-1", { severity: "critical", fixed: null }),
    found("CVE-2", { severity: "high" }),
    found("CVE-3", { severity: "medium" }),
    found("CVE-4", { severity: "unknown" }),
    found("CVE-5", { severity: "negligible" }),
  ];
  const ids = (gate: "off" | "critical" | "high" | "low", onlyFixed = false) =>
    stoppedBy(all, { gate, onlyFixed }).map(({ id }) => id);
  assert.deepEqual(ids("off"), []);
  assert.deepEqual(ids("critical"), ["CVE-1"]);
  assert.deepEqual(ids("high"), ["CVE-1", "CVE-2"]);
  assert.deepEqual(ids("high", true), ["CVE-2"]);
  assert.deepEqual(ids("low"), ["CVE-1", "CVE-2", "CVE-3", "CVE-4"]);
});

test("the refusal names the worst, and what can be done", () => {
  const many = Array.from({ length: 12 }, (_, at) => found(`CVE-2026-${at + 1}`));
  const { message } = refusedByGate("registry/strata@sha256:1", many, { gate: "high" });
  assert.match(message, /has 12 vulnerabilities .*gate \(high\)/);
  assert.match(message, /CVE-2026-1 \(high\) in openssl 3\.0\.1-1, fixed in 3\.0\.2-1\n/);
  assert.match(message, /and 2 more/);
  assert.match(message, /Tags stay/);
});

test("a gate's terms hold what its list says, and no gate has none", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "allow.yaml"), list);
  const setting = vulnerabilitiesSetting.parse({ gate: "high", allow: "allow.yaml", database: "/osv" });
  assert.deepEqual(gateTerms(setting, folder), {
    gate: "high",
    onlyFixed: false,
    allow: parseAllowList(list, "allow.yaml"),
    file: "allow.yaml",
    database: "/osv",
  });
  assert.equal(gateTerms(vulnerabilitiesSetting.parse({}), folder), undefined);
  assert.equal(gateTerms(undefined, folder), undefined);
  assert.throws(
    () => gateTerms({ ...setting, allow: "none.yaml" }, folder),
    /none\.yaml: cannot be read \(ENOENT\)/,
  );
});
