/** Replaces the longest prefix of `address` that a mirror is given for. */
export function mirrored(address: string, mirrors: Readonly<Record<string, string>>): string {
  const prefix = Object.keys(mirrors)
    .filter((candidate) => address.startsWith(candidate))
    .sort((a, b) => b.length - a.length)[0];
  return prefix === undefined ? address : `${mirrors[prefix]}${address.slice(prefix.length)}`;
}
