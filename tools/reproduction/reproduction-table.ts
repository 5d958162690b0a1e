import prettyMs from "pretty-ms";
import { plain } from "../../lib/preview/escape.ts";
import {
  isAsExpected,
  type Reproduction,
  reproductionLine,
  type StageReproduction,
} from "../../lib/reproduction/reproduction.ts";
import { renderTable } from "../program/table.ts";

/** Files of a stage that are listed; JSON has all. */
const SHOWN = 10;

/** What came out, as people read it: a table, and below it what differs, file by file. */
export function renderReproduction({ stages, varied }: Reproduction): string {
  const rows = stages.map(({ name, verdict, reason, seconds, ...stage }) => [
    name,
    verdict,
    seconds === 0 ? "" : prettyMs(seconds * 1_000),
    shortReason(reason) ?? (isAsExpected({ verdict, reason }) ? "" : `unexplained: ${count(stage)}`),
  ]);
  const table = renderTable(["stage", "built again", "took", "why"], rows);
  const conditions = Object.entries(varied).map(([name, value]) => `${name}: ${value}`);
  return [
    table,
    ...stages.flatMap(differences),
    reproductionLine(stages),
    `otherwise than at first: ${conditions.join("; ")}`,
  ].join("\n");
}

function shortReason(reason: string | null): string | undefined {
  return reason === null ? undefined : plain(reason.split("\n")[0] ?? "");
}

function count({ difference }: Pick<StageReproduction, "difference">): string {
  const files = difference?.layers.reduce((sum, layer) => sum + layer.files.length, 0) ?? 0;
  return `${files} files`;
}

function differences({ name, difference, verdict, reason }: StageReproduction): string[] {
  if (verdict === "failed") return [`${name}: ${(reason ?? "").split("\n").map(plain).join("\n")}`];
  if (!difference) return [];
  const versions = Object.entries(difference.versions).map(
    ([what, [then, now]]) => `${what} ${then}, now ${now}`,
  );
  const layers = difference.layers.flatMap(({ number, files, repacked, published, rebuilt }) => {
    const title = `${name}: layer ${number}, ${published?.digest ?? "absent"} and ${rebuilt?.digest ?? "absent"}`;
    const shown = files.slice(0, SHOWN).map(({ path, aspects, detail }) => {
      const more = detail === undefined ? "" : `: ${plain(detail)}`;
      return `  /${plain(path)}  ${aspects.join(", ")}${more}`;
    });
    const rest = files.length > SHOWN ? [`  … and ${files.length - SHOWN} more (--json has them)`] : [];
    return [repacked ? `${title}: the same tar, packed otherwise` : title, ...shown, ...rest];
  });
  return [
    ...(versions.length > 0 ? [`${name}: ${versions.join("; ")}`] : []),
    ...layers,
    ...difference.configuration.map((field) => `${name}: ${field} of the configuration differs`),
  ];
}
