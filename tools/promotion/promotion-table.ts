import Table from "cli-table3";
import { formatReference } from "../../oci/references.ts";
import { repositoryOf } from "./promotion-history.ts";
import type { PromotionLine, TagListing } from "./promotion-listing.ts";

/** The history of a tag as people read it, newest first. */
export function renderListing(listing: TagListing): string {
  const { repository, tag, current, movedElsewhere, promotions } = listing;
  const title = `${formatReference({ ...repositoryOf(repository), tag })} ${current === null ? "is not there" : `is ${current}`}`;
  if (promotions.length === 0) return `${title}\nNothing was promoted to it yet.`;
  const table = new Table({
    head: ["", "when", "digest", "how", "evidence"],
    style: { head: [], border: [], compact: true },
  });
  promotions.forEach((line, index) => {
    // A digest can come twice: the tag is where it came last.
    const isCurrent =
      line.digest === current && promotions.findIndex(({ digest }) => digest === current) === index;
    table.push([isCurrent ? "now" : "", line.at.slice(0, 16), short(line.digest), how(line), evidence(line)]);
  });
  const warning = movedElsewhere
    ? [
        `Somebody moved ${tag} without strata: it was at ${short(promotions[0]?.digest ?? "")} when this was written down.`,
      ]
    : [];
  return [title, ...warning, table.toString()].join("\n");
}

function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

function how({ kind, from }: PromotionLine): string {
  const words = { promotion: "promoted", rollback: "rolled back", elsewhere: "moved without strata" };
  return kind === "rollback" && from ? `${words[kind]} from ${short(from)}` : words[kind];
}

function evidence({ evidence: line, kind }: PromotionLine): string {
  if (line === null) return kind === "elsewhere" ? "none known" : "cannot be read any more";
  const skipped = line.skipped > 0 ? `, ${line.skipped} skipped` : "";
  const where = line.gpu ?? (line.host === "builder" ? "builder, no GPU" : (line.host ?? "unknown host"));
  return `${line.verdict}: ${line.passed} passed${skipped}; ${where}, ${line.testedAt.slice(0, 10)}`;
}
