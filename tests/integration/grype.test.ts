/**
 * Our bill of materials before the real grype, with a database that is made here by grype's own builder: a planted wheel and a
 * planted Debian package are found, and what grype prints is what `npm run vulnerabilities -- --scan` reads.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import type { Bill } from "../../lib/bill/component.ts";
import { programPurl, pypiPurl } from "../../lib/bill/purl.ts";
import { spdxDocument, spdxText } from "../../lib/bill/spdx-document.ts";
import { parseGrypeReport } from "../../lib/vulnerabilities/grype-report.ts";
import { temporaryFolder } from "../unit/support/folder.ts";
import { judge } from "./support/judges.ts";

/** By what grype's builder knows a form, as anchore's vunnel names it. */
const schemas = { debian: "os", github: "github-security-advisory" } as const;
const providers = ["debian", "github"] as const;

/** As vunnel writes Debian's tracker and GitHub's advisories: grype's own test data have the form. */
const advisories = {
  debian: {
    Vulnerability: {
      Name: "CVE-2026-1111",
      NamespaceName: "debian:12",
      Severity: "High",
      Description: "planted in openssl",
      CVSS: [],
      Link: "https://example.org/CVE-2026-1111",
      FixedIn: [
        {
          Name: "openssl",
          NamespaceName: "debian:12",
          Version: "3.0.15-1~deb12u1",
          VersionFormat: "dpkg",
          VendorAdvisory: { AdvisorySummary: [], NoAdvisory: false },
        },
      ],
      Metadata: {},
    },
  },
  github: {
    Advisory: {
      CVE: ["CVE-2026-2222"],
      FixedIn: [
        {
          ecosystem: "python",
          identifier: "9.1",
          name: "Planted_Wheel",
          namespace: "github:python",
          range: ">= 8.0 < 9.1",
        },
      ],
      Metadata: { CVE: ["CVE-2026-2222"] },
      Severity: "Critical",
      Summary: "planted in a wheel",
      ghsaId: "GHSA-aaaa-bbbb-cccc",
      namespace: "github:python",
      url: "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
      withdrawn: null,
    },
    Vulnerability: {},
  },
};

const digest = `sha256:${"a".repeat(64)}`;

/** A product with a wheel and a Debian package of these versions; what builds it has the same faults. */
function billOf(wheel: string, openssl: string): string {
  const planted = { name: "planted-wheel", version: wheel, purl: pypiPurl("planted-wheel", wheel) };
  const bill: Bill = {
    recipe: "starter",
    generation: "cpu",
    source: null,
    revision: null,
    created: "2026-01-01T00:00:00Z",
    base: { name: "debian-bookworm", digest },
    stages: [],
    key: "k",
    inProduct: ["torch"],
    components: [
      { kind: "wheel", stage: "torch", ...planted },
      {
        kind: "stand-in",
        stage: "torch",
        name: "planted-wheel",
        version: "8.5",
        purl: programPurl("planted-wheel", "8.5"),
      },
      {
        kind: "tool",
        stage: "torch",
        name: "planted-wheel",
        version: "8.0",
        purl: pypiPurl("planted-wheel", "8.0"),
      },
    ],
    materials: {},
  };
  const nothing = { distro: { id: "debian", version: "12" }, packages: [], wheels: {}, folders: {} };
  const packages = [
    { name: "libssl3", version: openssl, architecture: "amd64", source: "openssl", licence: undefined },
  ];
  return spdxText(spdxDocument({ bill, digest, contents: { ...nothing, packages }, tools: nothing }));
}

async function open(t: TestContext) {
  const grype = await judge("grype");
  const folder = temporaryFolder(t);
  for (const provider of providers) {
    const schema = `https://example.org/schema/${schemas[provider]}/schema-1.0.3.json`;
    const envelope = { schema, identifier: "planted", item: advisories[provider] };
    const results = join(folder, "source", provider, "results");
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, "planted.json"), JSON.stringify(envelope));
  }
  const made = join(folder, "made");
  mkdirSync(made);
  await execa(grype, ["make-database", join(folder, "source"), made]);
  const env = {
    HOME: folder,
    GRYPE_DB_CACHE_DIR: join(folder, "cache"),
    GRYPE_DB_AUTO_UPDATE: "false",
    GRYPE_DB_VALIDATE_AGE: "false",
    GRYPE_CHECK_FOR_APP_UPDATE: "false",
  };
  await execa(grype, ["db", "import", join(made, "vulnerability.db")], { env });
  return async (bill: string) => {
    const file = join(folder, "bill.spdx.json");
    writeFileSync(file, bill);
    const { stdout } = await execa(grype, [`sbom:${file}`, "-o", "json", "-q"], { env });
    return parseGrypeReport(stdout, "grype's report");
  };
}

test("grype reads our bill, finds the planted wheel and Debian package, and nothing of what only builds", async (t) => {
  const scan = await open(t);
  const found = await scan(billOf("9.0", "3.0.11-1~deb12u2"));
  assert.deepEqual(
    found.map(({ id, package: name, version, severity, fixed }) => ({ id, name, version, severity, fixed })),
    [
      { id: "CVE-2026-2222", name: "planted-wheel", version: "9.0", severity: "critical", fixed: "9.1" },
      {
        id: "CVE-2026-1111",
        name: "openssl",
        version: "3.0.11-1~deb12u2",
        severity: "high",
        fixed: "3.0.15-1~deb12u1",
      },
    ],
  );
  assert.deepEqual(await scan(billOf("9.1", "3.0.15-1~deb12u1")), []);
});
