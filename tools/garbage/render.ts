import prettyBytes from "pretty-bytes";
import type { Collection, Judged } from "../../lib/garbage/collection.ts";
import { renderTable } from "../program/table.ts";

/** Rows that are shown; the rest is in the JSON. */
const MOST = 40;

/** A collection as a table, by what is needed and what is not. */
export function renderCollection(repository: string, collection: Collection, removes: boolean): string {
  const { kept, removed, keptBytes, freedBytes } = collection;
  const reasons = Map.groupBy(kept, ({ needed = "" }) => needed.replace(/^(about|part of) .*/, "$1 others"));
  const rows = [...reasons].map(([reason, items]) => [reason, String(items.length)]);
  const going = removed.slice(0, MOST).map((each) => [nameOf(each), age(each)]);
  const more = removed.length > MOST ? `\n… and ${removed.length - MOST} more (--json has all)` : "";
  return [
    `${repository}: ${kept.length} needed, ${prettyBytes(keptBytes)}; ${removed.length} that nothing needs, ${prettyBytes(freedBytes)}`,
    renderTable(["needed by", "items"], rows),
    renderTable([removes ? "removed" : "would be removed", "stored"], going) + more,
  ]
    .filter(Boolean)
    .join("\n");
}

function nameOf({ item, tags }: Judged): string {
  return tags.length > 0 ? tags.join("\n") : item.digest.slice(0, 19);
}

function age({ item }: Judged): string {
  return item.storedAt?.toISOString().slice(0, 10) ?? "";
}
