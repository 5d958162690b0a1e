/** Versions of dotted numbers, such as a driver's: `580.65.06`. */

/** Whether `version` is `floor` or newer, number by number; a missing number counts as 0. */
export function isAtLeast(version: string, floor: string): boolean {
  const [own, other] = [version, floor].map((text) => text.split(".").map(Number));
  const length = Math.max(own?.length ?? 0, other?.length ?? 0);
  for (let index = 0; index < length; index++) {
    const difference = (own?.[index] ?? 0) - (other?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The newer one of two versions. */
export function newerVersion(one: string, other: string): string {
  return isAtLeast(one, other) ? one : other;
}
