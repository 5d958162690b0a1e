/** `major.minor.patch`; what a version string leaves out is 0. */
export type Version = readonly [number, number, number];

/** From `from` (in it) to `below` (not in it). */
export interface VersionRange {
  readonly from: string;
  readonly below?: string;
}

/** The first version in `text`, as in `runc version 1.1.5+ds1` or `v3.259.0`, or undefined. */
export function parseVersion(text: string): Version | undefined {
  const match = /(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (!match) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Negative, zero or positive, as `Array.sort` has it. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export function inRange(version: Version, range: VersionRange): boolean {
  const from = parseVersion(range.from);
  const below = range.below === undefined ? undefined : parseVersion(range.below);
  if (!from || (range.below !== undefined && !below))
    throw new Error(`not a range: ${JSON.stringify(range)}`);
  return compareVersions(version, from) >= 0 && (!below || compareVersions(version, below) < 0);
}

export function formatVersion(version: Version): string {
  return version.join(".");
}

/** The range as people write it: `>=3.200 <4`. */
export function formatRange(range: VersionRange): string {
  return `>=${range.from}${range.below ? ` <${range.below}` : ""}`;
}
