/** The first version in `text`, as in `runc version 1.1.5+ds1` or `v3.259.0`: `1.1.5`; what it leaves out is 0. */
export function findVersion(text: string): string | undefined {
  const [, major, minor, patch = "0"] = /(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return major && minor ? `${major}.${minor}.${patch}` : undefined;
}
