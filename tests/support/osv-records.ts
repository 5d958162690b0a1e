/** Records in OSV's form, made up: of a wheel, of a distribution's package, of a repository. */

export const critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
export const medium = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H";

const fixedIn = (fixed: string | undefined) => [{ introduced: "0" }, ...(fixed ? [{ fixed }] : [])];

/** As GitHub's advisories have a wheel. */
export function wheelRecord(id: string, name: string, fixed: string | undefined, more: object = {}) {
  return {
    id,
    modified: "2026-01-02T00:00:00Z",
    summary: `a fault of ${name}`,
    severity: [{ type: "CVSS_V3", score: critical }],
    affected: [
      {
        package: { ecosystem: "PyPI", name },
        ranges: [{ type: "ECOSYSTEM", events: fixedIn(fixed) }],
        versions: [],
      },
    ],
    ...more,
  };
}

/** As OSV makes one of Debian's tracker: `upstream` is the name that everybody knows. */
export function debianRecord(cve: string, name: string, fixed: string | undefined, more: object = {}) {
  return {
    id: `DEBIAN-${cve}`,
    modified: "2026-01-03T00:00:00Z",
    upstream: [cve],
    details: `a fault of ${name}\nat length`,
    severity: [{ type: "CVSS_V3", score: medium }],
    affected: [
      {
        package: { ecosystem: "Debian:12", name },
        ranges: [{ type: "ECOSYSTEM", events: fixedIn(fixed) }],
        ecosystem_specific: { urgency: "not yet assigned" },
      },
    ],
    ...more,
  };
}
