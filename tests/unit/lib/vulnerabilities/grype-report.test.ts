import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeFound, parseGrypeReport } from "../../../../lib/vulnerabilities/grype-report.ts";
import type { Vulnerability } from "../../../../lib/vulnerabilities/vulnerability.ts";

/** As grype 0.121.2 prints it, shortened to what is read. */
const report = JSON.stringify({
  descriptor: { name: "grype", version: "0.121.2" },
  matches: [
    {
      vulnerability: {
        id: "GHSA-aaaa-bbbb-cccc",
        severity: "High",
        description: "a fault\nat length",
        cvss: [{ metrics: { baseScore: 8.1 } }],
        fix: { versions: ["9.1"], state: "fixed" },
      },
      relatedVulnerabilities: [{ id: "CVE-2026-1" }],
      artifact: { name: "Pillow_X", version: "9.0", type: "python", upstreams: [] },
    },
    {
      vulnerability: { id: "CVE-2026-2", severity: "Negligible", cvss: [], fix: { versions: [], state: "" } },
      relatedVulnerabilities: [],
      artifact: { name: "libssl3", version: "3.0.1-1", type: "deb", upstreams: [{ name: "openssl" }] },
    },
  ],
});

test("a report of grype is read with names, severities and fixes", () => {
  assert.deepEqual(parseGrypeReport(report, "report.json"), [
    {
      id: "CVE-2026-1",
      aliases: ["GHSA-aaaa-bbbb-cccc"],
      package: "pillow-x",
      version: "9.0",
      parts: ["Pillow_X"],
      severity: "high",
      score: 8.1,
      fixed: "9.1",
      summary: "a fault",
      foundBy: ["grype"],
    },
    {
      id: "CVE-2026-2",
      aliases: [],
      package: "openssl",
      version: "3.0.1-1",
      parts: ["libssl3"],
      severity: "negligible",
      score: null,
      fixed: null,
      summary: "",
      foundBy: ["grype"],
    },
  ]);
});

test("what OSV says stays, what it does not know is added, and each is told once", () => {
  const own: Vulnerability = {
    id: "CVE-2026-1",
    aliases: ["PYSEC-2026-1"],
    package: "pillow-x",
    version: "9.0",
    parts: ["pillow-x"],
    severity: "unknown",
    score: null,
    fixed: null,
    summary: "ours",
    foundBy: ["osv"],
  };
  const merged = mergeFound([own], parseGrypeReport(report, "report.json"));
  assert.deepEqual(
    merged.map(({ id, severity, fixed, summary, foundBy }) => ({ id, severity, fixed, summary, foundBy })),
    [
      { id: "CVE-2026-1", severity: "high", fixed: "9.1", summary: "ours", foundBy: ["osv", "grype"] },
      { id: "CVE-2026-2", severity: "negligible", fixed: null, summary: "", foundBy: ["grype"] },
    ],
  );
  assert.deepEqual(merged[0]?.aliases, ["GHSA-aaaa-bbbb-cccc", "PYSEC-2026-1"]);
});

test("what is no report is refused, never read as clean", () => {
  for (const text of ["{}", "no json", '{"matches":[]}', '{"descriptor":{"name":"trivy"},"matches":[]}']) {
    assert.throws(() => parseGrypeReport(text, "report.json"), /report\.json: is no report of grype/);
  }
});
