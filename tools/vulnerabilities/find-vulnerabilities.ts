import {
  askedAbout,
  type BilledPart,
  type OsvQuestion,
  questionKey,
} from "../../lib/vulnerabilities/bill-parts.ts";
import { nameAlone, namesOf, type OsvRecord, widenedNames } from "../../lib/vulnerabilities/osv-record.ts";
import {
  type AnsweredQuestion,
  byWeight,
  foldVulnerabilities,
  isSameVulnerability,
  type Vulnerability,
} from "../../lib/vulnerabilities/vulnerability.ts";
import { askOnce, readRecords } from "./osv-service.ts";
import type { RecordName, VulnerabilitySource } from "./vulnerability-source.ts";

/** What is known against an image, and what nobody could be asked about. */
export interface FoundVulnerabilities {
  readonly found: readonly Vulnerability[];
  /** Parts that were asked about. */
  readonly asked: number;
  /** Parts of which no database tells: models, programs made from no package. */
  readonly silent: number;
  /** What this source has no answer for, with the number of parts. */
  readonly unanswered: Readonly<Record<string, number>>;
}

/** What changes between two images. */
export interface ChangedVulnerabilities {
  readonly added: readonly Vulnerability[];
  readonly removed: readonly Vulnerability[];
}

interface Matched {
  readonly question: OsvQuestion;
  readonly parts: readonly BilledPart[];
  readonly names: readonly RecordName[];
}

/** Asks about all parts of an image. */
export async function findVulnerabilities(
  parts: readonly BilledPart[],
  source: VulnerabilitySource,
): Promise<FoundVulnerabilities> {
  const matched = await match(parts, source);
  const found = await foldMatched(matched, source);
  const asked = parts.flatMap(({ question }) => question ?? []);
  const reasons = asked.flatMap((question) => source.unanswered(question) ?? []);
  return {
    found,
    asked: asked.length - reasons.length,
    silent: parts.length - asked.length,
    unanswered: Object.fromEntries(
      [...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => [reason, all.length]),
    ),
  };
}

/**
 * Why packages got no answer: a database without an ecosystem's file knows nothing of it, and a gate has to stay shut. Commits
 * are known to the service alone.
 */
export function packagesWithoutAnswer(parts: readonly BilledPart[], source: VulnerabilitySource): string[] {
  return parts.flatMap(({ question }) =>
    question?.kind === "package" ? (source.unanswered(question) ?? []) : [],
  );
}

/**
 * What one image has and another has not. Only records that differ are read: what stays with a package, at whatever version,
 * is no change.
 */
export async function compareVulnerabilities(
  before: readonly BilledPart[],
  after: readonly BilledPart[],
  source: VulnerabilitySource,
): Promise<ChangedVulnerabilities> {
  // One round of questions for both.
  const answers = await askOnce(source, questionsOf([...before, ...after]));
  const [former, next] = [group(before, answers), group(after, answers)];
  const [added, removed] = [
    await foldMatched(without(next, former), source),
    await foldMatched(without(former, next), source),
  ];
  const stays = (each: Vulnerability, other: readonly Matched[]) => {
    const names = new Set([each.id, ...each.aliases]);
    return other
      .filter(({ question }) => question.name === each.package)
      .some((one) => one.names.some(({ id }) => widenedNames(id).some((name) => names.has(name))));
  };
  const isNew = (each: Vulnerability) =>
    !stays(each, former) && !removed.some((one) => isSameVulnerability(one, each));
  const isGone = (each: Vulnerability) =>
    !stays(each, next) && !added.some((one) => isSameVulnerability(one, each));
  return { added: added.filter(isNew).sort(byWeight), removed: removed.filter(isGone).sort(byWeight) };
}

function questionsOf(parts: readonly BilledPart[]): OsvQuestion[] {
  return parts.flatMap(({ question }) => question ?? []);
}

async function match(parts: readonly BilledPart[], source: VulnerabilitySource): Promise<Matched[]> {
  return group(parts, await askOnce(source, questionsOf(parts)));
}

function group(parts: readonly BilledPart[], answers: ReadonlyMap<string, readonly RecordName[]>): Matched[] {
  const groups = Map.groupBy(
    parts.filter(({ question }) => question !== null),
    ({ question }) => (question ? questionKey(question) : ""),
  );
  return [...groups].flatMap(([key, same]) => {
    const question = same[0]?.question;
    const names = answers.get(key) ?? [];
    return question && names.length > 0 ? [{ question, parts: same, names }] : [];
  });
}

/** `own` without the records that tell of the same package in `other`. */
function without(own: readonly Matched[], other: readonly Matched[]): Matched[] {
  const known = new Map<string, Set<string>>();
  for (const { question, names } of other) {
    const subject = askedAbout(question);
    known.set(subject, new Set([...(known.get(subject) ?? []), ...names.map(({ id }) => id)]));
  }
  return own.flatMap((each) => {
    const names = each.names.filter(({ id }) => !known.get(askedAbout(each.question))?.has(id));
    return names.length > 0 ? [{ ...each, names }] : [];
  });
}

async function foldMatched(
  matched: readonly Matched[],
  source: VulnerabilitySource,
): Promise<Vulnerability[]> {
  const records = await readRecords(
    source,
    matched.flatMap(({ names }) => names),
  );
  const answers = matched.map(({ question, parts, names }): AnsweredQuestion => {
    // One that is listed, and was taken away before it was read, is still told of.
    return { question, parts, records: names.map(({ id }) => records.get(id) ?? nameAlone(id)) };
  });
  return foldVulnerabilities(await withUpstream(answers, source));
}

/** A distribution's record may leave the judgement to the one that everybody knows. */
async function withUpstream(
  answers: readonly AnsweredQuestion[],
  source: VulnerabilitySource,
): Promise<AnsweredQuestion[]> {
  const unjudged = foldVulnerabilities(answers).filter(({ severity }) => severity === "unknown");
  const there = new Set(answers.flatMap(({ records }) => records.map(({ id }) => id)));
  const wanted = unjudged.map(({ id }) => id).filter((id) => /^(CVE|GHSA)-/.test(id) && !there.has(id));
  const upstream = await readRecords(
    source,
    wanted.map((id) => ({ id, modified: null })),
  );
  return answers.map((answer) => ({ ...answer, records: [...answer.records, ...beside(answer, upstream)] }));
}

function beside(
  { records }: AnsweredQuestion,
  upstream: ReadonlyMap<string, OsvRecord | undefined>,
): OsvRecord[] {
  const names = new Set(records.flatMap(namesOf));
  return [...upstream].flatMap(([id, record]) => (record && names.has(id) ? [record] : []));
}
