import cvss from "ae-cvss-calculator";
import type { OsvAffected, OsvRecord } from "./osv-record.ts";

/** How bad it is, the worst first. What nobody has judged may be anything. */
export const severities = ["critical", "high", "medium", "low", "negligible", "unknown"] as const;
export type Severity = (typeof severities)[number];

/** How bad something is, and the score that says so, where one does. */
export interface JudgedSeverity {
  readonly severity: Severity;
  /** CVSS's base score. */
  readonly score: number | null;
}

export const notJudged: JudgedSeverity = { severity: "unknown", score: null };

/** The newer CVSS first; an entry may have another one than its record. */
const scales = ["CVSS_V4", "CVSS_V3", "CVSS_V2"];

/** Words of distributions and of GitHub. */
const wordSeverities: Readonly<Record<string, Severity>> = {
  critical: "critical",
  high: "high",
  moderate: "medium",
  medium: "medium",
  low: "low",
  negligible: "negligible",
  unimportant: "negligible",
};

/** What a record says of itself, about the entries that were asked for. */
export function severityOf(record: OsvRecord, entries: readonly OsvAffected[]): JudgedSeverity {
  const ratings = [...entries.flatMap(({ severity }) => severity), ...record.severity];
  const urgencies = entries.flatMap(({ ecosystem_specific: specific }) => specific?.urgency ?? []);
  // Debian says so of what is no matter of security there, whatever its score elsewhere.
  if (urgencies.length > 0 && urgencies.every((urgency) => urgency === "unimportant")) {
    return { severity: "negligible", score: null };
  }
  const own = ratings.find(({ type }) => type === "Ubuntu");
  const vector = scales.flatMap((scale) => ratings.find(({ type }) => type === scale)?.score ?? [])[0];
  const score = vector === undefined ? null : scoreOf(vector);
  const told = [own?.score, ...urgencies, record.database_specific?.severity];
  const word = told.flatMap((each) => wordSeverities[each?.toLowerCase() ?? ""] ?? [])[0];
  // Ubuntu judges what its own build makes of it.
  if (own && word) return { severity: word, score };
  if (score !== null) return { severity: ratedAs(score), score };
  return { severity: word ?? "unknown", score: null };
}

/** The base score of a vector; null for what is none. */
export function scoreOf(vector: string): number | null {
  const base = cvss.fromVector(vector)?.calculateScores()?.base;
  return typeof base === "number" ? base : null;
}

/** https://www.first.org/cvss/v4.0/specification-document#Qualitative-Severity-Rating-Scale */
export function ratedAs(score: number): Severity {
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  if (score >= 4) return "medium";
  return score > 0 ? "low" : "negligible";
}

/** Whether `severity` is as bad as `level`, or worse; what is unknown is no worse than low. */
export function isAtLeast(severity: Severity, level: Severity): boolean {
  const rank = (each: Severity) => severities.indexOf(each === "unknown" ? "low" : each);
  return rank(severity) <= rank(level);
}

/** Of two judgements the worse one. */
export function worseOf(a: JudgedSeverity, b: JudgedSeverity): JudgedSeverity {
  if (a.severity === "unknown") return b;
  if (b.severity === "unknown") return a;
  const order = severities.indexOf(a.severity) - severities.indexOf(b.severity);
  return order < 0 || (order === 0 && (a.score ?? 0) >= (b.score ?? 0)) ? a : b;
}
