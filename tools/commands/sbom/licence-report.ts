import Table from "cli-table3";
import { licenceLines } from "../../../lib/bill/licence-table.ts";
import type { SpdxDocument } from "../../../lib/bill/spdx-document.ts";

/** Names that fit into a cell; all of them are in the document. */
const SHOWN = 6;
const WIDTH = 64;

/** What the classes mean for who passes an image on. */
const meanings = {
  restricted: "its licence limits who may use it or pass it on: read it before you publish the image",
  copyleft: "whoever gets the image has a right to the source of these",
  "weak copyleft": "the same, for these files or libraries alone",
  unknown: "nobody states a licence that SPDX knows",
  permissive: "their notices have to stay",
} as const;

/** Components by licence, the strictest first, and what that asks of who publishes. */
export function renderLicences(document: SpdxDocument, json: boolean): string {
  const lines = licenceLines(document);
  if (json) return JSON.stringify(lines, null, 2);
  const table = new Table({
    head: ["class", "licence", "components"],
    style: { head: [], border: [], compact: true },
  });
  for (const { class: kind, licence, components } of lines) {
    const [shown, left] = [components.slice(0, SHOWN), components.length - SHOWN];
    const stated = licence === "NOASSERTION" ? "none stated" : licence.replaceAll("LicenseRef-", "");
    table.push([kind, shortened(stated), [...shown, ...(left > 0 ? [`and ${left} more`] : [])].join("\n")]);
  }
  const sums = Object.entries(meanings).flatMap(([kind, meaning]) => {
    const count = lines
      .filter((line) => line.class === kind)
      .reduce((sum, line) => sum + line.components.length, 0);
    return count > 0 ? [`${kind}: ${count} components; ${meaning}`] : [];
  });
  return [table.toString(), ...sums].join("\n");
}

function shortened(text: string): string {
  return text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
}
