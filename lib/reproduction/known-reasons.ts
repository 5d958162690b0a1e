import type { StageDifference } from "./reproduction.ts";

/** Why a stage cannot be promised to come out equal, and what has to be seen of it for that to be the reason. */
interface KnownReason {
  readonly reason: string;
  readonly explains: (difference: StageDifference) => boolean;
}

/** Whether the bytes of such a file differ; the same lines in another order are a fault of ours. */
const changes = (pattern: RegExp) => (difference: StageDifference) =>
  difference.layers.some(({ files }) =>
    files.some(({ path, aspects }) => pattern.test(path) && aspects.includes("bytes")),
  );

/**
 * The first that fits is told. A reason is told by what differs, not by a stage's name: a stage that installs packages
 * and differs in a file of ours alone is not explained by the packages.
 */
export const knownReasons: readonly KnownReason[] = [
  {
    reason: "packages that are in no lock come as the archive has them that day (ADR 0061)",
    explains: changes(/^var\/lib\/dpkg\/status$/),
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
