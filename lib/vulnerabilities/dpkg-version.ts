/**
 * Versions of Debian packages in dpkg's order: https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
 *
 * @returns negative where `a` is older than `b`, 0 where they are equal, else positive
 */
export function compareDpkgVersions(a: string, b: string): number {
  const [one, other] = [partsOf(a), partsOf(b)];
  return (
    one.epoch - other.epoch ||
    comparePart(one.upstream, other.upstream) ||
    comparePart(one.revision, other.revision)
  );
}

function partsOf(version: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch = "0", rest = ""] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
  const dash = rest.lastIndexOf("-");
  return {
    epoch: Number(epoch),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    // No revision is the same as 0.
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

/** By turns what is no digit, sign by sign, and what is one number. */
function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== "" || right !== "") {
    const [words, otherWords] = [/^\D*/.exec(left)?.[0] ?? "", /^\D*/.exec(right)?.[0] ?? ""];
    const order = compareSigns(words, otherWords);
    if (order !== 0) return order;
    [left, right] = [left.slice(words.length), right.slice(otherWords.length)];
    const [digits, otherDigits] = [/^\d*/.exec(left)?.[0] ?? "", /^\d*/.exec(right)?.[0] ?? ""];
    // Longer than a number holds: dates with times.
    const [number, other] = [BigInt(digits || "0"), BigInt(otherDigits || "0")];
    if (number !== other) return number < other ? -1 : 1;
    [left, right] = [left.slice(digits.length), right.slice(otherDigits.length)];
  }
  return 0;
}

function compareSigns(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = weight(a[index]) - weight(b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

/** A tilde comes before the end, letters before all other signs. */
function weight(sign: string | undefined): number {
  if (sign === undefined) return 0;
  if (sign === "~") return -1;
  return /[A-Za-z]/.test(sign) ? sign.charCodeAt(0) : sign.charCodeAt(0) + 256;
}
