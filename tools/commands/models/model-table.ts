/** What workflows need, as people read it. */
import { basename } from "node:path";
import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import type { ModelsReport } from "../../../lib/comfyui/workflow/report.ts";

type File = ModelsReport["files"][number];
type Place = File["askedBy"][number];

/** So many nodes are named for a file; `--json` has them all. */
const MOST_SHOWN = 3;

/** The whole report as text, with the sums in its last line. */
export function renderModels(report: ModelsReport): string {
  return [
    heading(report),
    list(
      "Not read",
      report.unreadable.map(({ problem }) => problem),
    ),
    fileTable(report),
    list(
      "Missing in the lock, at the addresses that the workflows give (--add puts them there)",
      report.files.flatMap(({ state, url }) => (state === "missing" && url ? [url] : [])),
    ),
    nodeTable(report),
    list(
      "Cannot be told",
      report.unresolved.map(({ node, problem }) => `${placeOf(node, report)} ${problem}`),
    ),
    list(
      "Not used by anything, and left out",
      report.unused.map((node) => placeOf(node, report)),
    ),
    list(
      "In the lock and not needed",
      report.notNeeded.map(({ folder, name, bytes }) => `${size(bytes, false)}  ${folder}/${name}`),
    ),
    sums(report),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function heading({ workflows }: ModelsReport): string {
  return workflows
    .map(({ path, format, nodes, inactive }) => {
      const left = inactive > 0 ? `, ${inactive} muted or bypassed` : "";
      return `${path}: ${format === "api" ? "API format" : "editor's format"}, ${nodes} nodes${left}`;
    })
    .join("\n");
}

function fileTable({ files, workflows }: ModelsReport): string {
  if (files.length === 0) return "No models are needed.";
  const table = plainTable(["model", "size", "lock", "asked by"]);
  for (const file of files) {
    const places = [...new Set(file.askedBy.map((place) => placeOf(place, { workflows })))];
    const more = places.length > MOST_SHOWN ? `, and ${places.length - MOST_SHOWN} more` : "";
    table.push([
      `${file.folder}/${file.name}`,
      size(file.bytes, file.isRough),
      stateOf(file),
      `${places.slice(0, MOST_SHOWN).join(", ")}${more}`,
    ]);
  }
  return table.toString();
}

function stateOf({ state, elsewhere }: File): string {
  if (state === "locked") return "locked";
  if (state === "incomplete") return "no hash";
  return elsewhere ? `missing (has ${elsewhere})` : "missing";
}

function nodeTable({ nodes }: ModelsReport): string {
  if (nodes.length === 0) return "No custom nodes are needed.";
  const table = plainTable(["custom node", "repository", "lock"]);
  for (const { type, repository, state, candidates, problem } of nodes) {
    const from = repository ?? (candidates.length > 0 ? `one of ${candidates.join(", ")}` : problem);
    table.push([type, from, state === "locked" ? "locked" : "missing"]);
  }
  return table.toString();
}

function plainTable(head: string[]) {
  return new Table({ head, style: { head: [], border: [], compact: true } });
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [`${title}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** `57:12 UNETLoader`, after the workflow's file where there are several. */
function placeOf({ workflow, id, type }: Place, { workflows }: Pick<ModelsReport, "workflows">): string {
  return `${workflows.length > 1 ? `${basename(workflow)} ` : ""}${id} ${type}`;
}

function size(bytes: number | null, isRough: boolean): string {
  return bytes === null ? "unknown" : `${isRough ? "about " : ""}${prettyBytes(bytes)}`;
}

function sums({ files, bytes, notNeeded, verdict }: ModelsReport): string {
  const unknown = bytes.unknown > 0 ? ` and ${bytes.unknown} of unknown size` : "";
  const saved =
    notNeeded.length > 0
      ? `, of ${prettyBytes(bytes.catalogue)} in the lock: saves ${prettyBytes(bytes.saved)}`
      : "";
  const mark = verdict === "complete" ? "✔ complete" : "✖ something is missing, see above";
  return `${files.length} models, ${prettyBytes(bytes.needed)}${unknown}${saved}\n${mark}`;
}
