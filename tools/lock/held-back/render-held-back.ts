import type { HeldBack } from "../../../lib/lock-making/held-back.ts";
import { renderTable } from "../../program/table.ts";

/** What is held back, a table for each recipe; empty where nothing is. */
export function renderHeldBack(held: readonly HeldBack[]): string {
  return [...Map.groupBy(held, ({ lock }) => lock)]
    .map(([lock, packages]) => {
      const rows = packages.map((one) => [one.name, one.locked, one.newest, without(one), askers(one)]);
      const head = ["package", "locked", "newest", "without the caps", "who asks"];
      return `Held back in ${lock}:\n${renderTable(head, rows)}`;
    })
    .join("\n");
}

function without({ name, without: versions }: HeldBack): string {
  if (versions === null) return "nothing fits";
  const own = versions.find((each) => each.name === name);
  const others = versions.length - (own ? 1 : 0);
  const also = others === 0 ? "" : `, ${others} ${others === 1 ? "other moves" : "others move"}`;
  return `${own ? (own.free ?? "left out") : "the same"}${also}`;
}

function askers({ caps }: HeldBack): string {
  return caps
    .map(({ by, line, newestCommit }) => {
      const stance = newestCommit === null ? "" : ` (newest commit: ${newestCommit})`;
      return `${by}: ${line}${stance}`;
    })
    .join("\n");
}
