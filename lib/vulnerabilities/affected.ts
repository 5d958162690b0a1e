import { compare as comparePep440, valid } from "@renovatebot/pep440";
import { compareVersions, validate } from "compare-versions";
import { normaliseName } from "../locks/python-lock.ts";
import type { OsvQuestion } from "./bill-parts.ts";
import { compareDpkgVersions } from "./dpkg-version.ts";
import type { OsvAffected, OsvRange, OsvRecord } from "./osv-record.ts";

type PackageQuestion = OsvQuestion & { readonly kind: "package" };

/** How the versions of an ecosystem are ordered; undefined for what is no version there. */
type Order = (a: string, b: string) => number | undefined;

const orders: Readonly<Record<string, Order>> = {
  Debian: compareDpkgVersions,
  Ubuntu: compareDpkgVersions,
  PyPI: (a, b) => (valid(a) && valid(b) ? comparePep440(a, b) : undefined),
  Go: (a, b) => (validate(a) && validate(b) ? compareVersions(a, b) : undefined),
};

/** What a record says of a package: the entries that are about it. */
export function entriesAbout(record: OsvRecord, question: PackageQuestion): OsvAffected[] {
  return record.affected.filter(({ package: named }) => {
    if (!named || !sameEcosystem(named.ecosystem, question.ecosystem)) return false;
    return familyOf(question.ecosystem) === "PyPI"
      ? normaliseName(named.name) === question.name
      : named.name === question.name;
  });
}

/**
 * Whether a record tells of this version: it lists it, or has it in a range. Ranges of commits are left to OSV's service, as
 * nobody else has the histories.
 */
export function isAffected(record: OsvRecord, question: PackageQuestion): boolean {
  if (record.withdrawn) return false;
  const order = orders[familyOf(question.ecosystem)];
  return entriesAbout(record, question).some(
    ({ ranges, versions }) =>
      versions.includes(question.version) ||
      ranges.some((range) => order !== undefined && isInRange(question.version, range, order)),
  );
}

/** The version that has it mended: the first after the one that is there. null: nobody has told of any. */
export function fixedVersion(record: OsvRecord, question: OsvQuestion): string | null {
  if (question.kind === "commit") return fixedCommit(record);
  const order = orders[familyOf(question.ecosystem)];
  const later = entriesAbout(record, question)
    .flatMap(({ ranges }) => ranges)
    .filter(({ type }) => type !== "GIT")
    .flatMap(({ events }) => events.flatMap(({ fixed }) => fixed ?? []))
    .filter((fixed) => (order?.(fixed, question.version) ?? 0) > 0);
  return later.sort((a, b) => order?.(a, b) ?? 0)[0] ?? null;
}

/** Of several branches nobody here knows which is the nearest. */
function fixedCommit(record: OsvRecord): string | null {
  const commits = record.affected
    .flatMap(({ ranges }) => ranges)
    .filter(({ type }) => type === "GIT")
    .flatMap(({ events }) => events.flatMap(({ fixed }) => fixed ?? []));
  return commits[0]?.slice(0, 12) ?? null;
}

/** https://ossf.github.io/osv-schema/#evaluation */
function isInRange(version: string, { type, events }: OsvRange, order: Order): boolean {
  if (type === "GIT") return false;
  const steps = events
    .flatMap(({ introduced, fixed, last_affected: last }) => [
      ...(introduced === undefined ? [] : [{ at: introduced, begins: true, past: 0 }]),
      ...(fixed === undefined ? [] : [{ at: fixed, begins: false, past: 0 }]),
      // It is the last one that has it: only what comes after it is free.
      ...(last === undefined ? [] : [{ at: last, begins: false, past: 1 }]),
    ])
    .filter(({ at }) => at === "0" || order(at, at) !== undefined)
    .sort((a, b) => Number(b.at === "0") - Number(a.at === "0") || (order(a.at, b.at) ?? 0));
  return steps.reduce((inside, { at, begins, past }) => {
    const reached = at === "0" ? 1 : (order(version, at) ?? -1);
    return reached >= past ? begins : inside;
  }, false);
}

/** `Debian` for `Debian:12` */
function familyOf(ecosystem: string): string {
  return ecosystem.split(":")[0] ?? ecosystem;
}

/** A record may be for all releases. */
function sameEcosystem(told: string, asked: string): boolean {
  return told === asked || told === familyOf(asked);
}
