import { outdated, type PackageReport } from "../../../lib/plan/package-report.ts";
import { renderTable } from "../../program/table.ts";

/** So many lines of a check are shown; `--json` has them all. */
const MOST_SHOWN = 20;

/** The whole report as text, with the verdict in its last line. */
export function renderPackages(report: PackageReport): string {
  const { checks } = report;
  const result = ({ note, problems }: (typeof checks)[number]) =>
    problems.length > 0
      ? `FAIL: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`
      : note;
  const newer = outdated(report);
  return [
    renderTable(
      ["check", "result"],
      checks.map((each) => [each.name, result(each)]),
    ),
    ...checks.filter(({ problems }) => problems.length > 0).map(problemLines),
    renderTable(
      ["package", "image", "newest", "stage"],
      newer.map(({ name, version, newest, stage }) => [name, version, newest ?? "", stage ?? ""]),
    ),
    verdict(report, newer.length),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function problemLines({ name, problems }: PackageReport["checks"][number]): string {
  const rest = problems.length - MOST_SHOWN;
  return [
    `FAIL ${name}`,
    ...problems.slice(0, MOST_SHOWN).map((line) => `  ${line}`),
    ...(rest > 0 ? [`  … and ${rest} more (--json shows all)`] : []),
  ].join("\n");
}

function verdict({ recipe, checks, packages, asked, verdict: result }: PackageReport, newer: number): string {
  const failed = checks.filter(({ problems }) => problems.length > 0).length;
  const mark =
    result === "pass"
      ? `✔ ${recipe}: ${packages.length} packages, as the lock says`
      : `✖ ${recipe}: ${failed} of ${checks.length} checks failed`;
  const versions = asked
    ? `newer versions in the index: ${newer}`
    : "the index was not asked for newer versions";
  return `${mark}; ${versions}`;
}
