/** The audit's report as people read it. */
import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import { type AuditReport, type Finding, RULES } from "../../../lib/audit/findings.ts";

/** So many findings of a kind are shown; `--json` has them all. */
const MOST_SHOWN = 10;

/** The whole report as text, with the verdict in its last line. */
export function renderReport(report: AuditReport): string {
  return [layerTable(report), ...findingGroups(report.findings), verdict(report)].join("\n\n");
}

function layerTable(report: AuditReport): string {
  const table = new Table({
    head: ["#", "stage", "compressed", "unpacked", "files", "digest"],
    colAligns: ["right", "left", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const layer of report.layers) {
    const name = layer.number === report.largestLayer ? `${layer.stage} (largest)` : layer.stage;
    table.push([
      layer.number,
      name,
      prettyBytes(layer.bytes),
      prettyBytes(layer.unpackedBytes),
      layer.files,
      layer.digest.slice(0, 19),
    ]);
  }
  const files = report.layers.reduce((sum, layer) => sum + layer.files, 0);
  table.push(["", "in all", prettyBytes(report.bytes), prettyBytes(report.unpackedBytes), files, ""]);
  return `${report.reference}\n${report.digest}\n${table.toString()}`;
}

function findingGroups(findings: readonly Finding[]): string[] {
  const groups = [...Map.groupBy(findings, ({ code, severity }) => `${severity} ${code}`).values()];
  const ordered = groups.sort((a, b) => rank(a) - rank(b));
  return ordered.map((group) => {
    const [first] = group;
    if (!first) return "";
    const wasted = group.reduce((sum, { wastedBytes }) => sum + wastedBytes, 0);
    const bytes = wasted > 0 ? `, ${prettyBytes(wasted)} wasted` : "";
    const heading = `${first.severity}: ${RULES[first.code].title} (${group.length}${bytes})`;
    const largestFirst = group.toSorted((a, b) => b.wastedBytes - a.wastedBytes);
    const lines = largestFirst.slice(0, MOST_SHOWN).map((finding) => `  ${place(finding)}${finding.detail}`);
    const rest =
      group.length > MOST_SHOWN ? [`  … and ${group.length - MOST_SHOWN} more (--json shows all)`] : [];
    return [heading, ...lines, ...rest, `  → ${first.remedy}`].join("\n");
  });
}

function rank([first]: readonly Finding[]): number {
  return first?.severity === "broken" ? 0 : 1;
}

function place({ layer, path }: Finding): string {
  const parts = [layer === null ? "" : `layer ${layer}`, path ?? ""].filter((part) => part !== "");
  return parts.length > 0 ? `${parts.join(" ")}: ` : "";
}

function verdict(report: AuditReport): string {
  const broken = report.findings.filter(({ severity }) => severity === "broken").length;
  const warnings = report.findings.length - broken;
  const budget = report.budgetBytes === null ? "" : ` of ${prettyBytes(report.budgetBytes)} allowed`;
  const facts = `${prettyBytes(report.bytes)}${budget}, ${prettyBytes(report.duplicateBytes)} duplicated above system`;
  const mark = report.verdict === "pass" ? "✔ audit passed" : `✖ audit failed: ${broken} broken`;
  return `${mark}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}; ${facts}`;
}
