import type { StageDifference } from "./reproduction.ts";

/** Why a stage cannot be promised to come out equal, and what has to be seen of it for that to be the reason. */
interface KnownReason {
  readonly reason: string;
  readonly explains: (difference: StageDifference) => boolean;
}

const touches = (pattern: RegExp) => (difference: StageDifference) =>
  difference.layers.some(({ files }) => files.some(({ path }) => pattern.test(path)));

/**
 * The first that fits is told. A reason is told by what differs, not by a stage's name: a stage that installs packages
 * and differs in a file of ours alone is not explained by the packages.
 */
export const knownReasons: readonly KnownReason[] = [
  {
    reason: "the mirror has other versions of Debian's packages than then (apt is not pinned, ADR 0011)",
    explains: touches(/^var\/lib\/dpkg\/status$/),
  },
  {
    reason: "the same files, packed by another version of BuildKit",
    explains: ({ layers, configuration, versions }) =>
      configuration.length === 0 &&
      layers.every(({ files, repacked }) => repacked && files.length === 0) &&
      Object.keys(versions).length > 0,
  },
];

/** undefined where nobody knows one: then something is to be mended. */
export function knownReason(difference: StageDifference): string | undefined {
  return knownReasons.find(({ explains }) => explains(difference))?.reason;
}
