/** `npm run audit -- <ref>`: reads an image from its registry and checks the invariants. See `help`. */
import { homedir } from "node:os";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { parseSize } from "../../lib/audit/findings.ts";
import { main } from "../program/main.ts";
import { createProgress } from "./audit/audit-progress.ts";
import { renderReport } from "./audit/findings-table.ts";
import { auditImage } from "./audit/read-image.ts";

const HELP = `Usage: npm run audit -- <reference> [--json] [--budget SIZE] [--system-layers N]

  --json             print the report as one JSON object (schema: AuditReport in lib/audit/findings.ts)
  --budget SIZE      most compressed bytes, such as "3.3 GB" (default: label strata.size-budget, else no limit)
  --system-layers N  so many of the lowest layers are the system image (default: label strata.system-layers, else 1)

Exit status: 0 all invariants hold, 1 one is broken, 2 the audit could not be made.`;

await main(audit, { help: HELP, trouble: 2 });

async function audit(): Promise<number> {
  const { values, positionals } = parse(process.argv.slice(2));
  const [reference, ...more] = positionals;
  if (!reference || more.length > 0) throw usage("expected exactly one image reference.");
  const progress = createProgress(reference);
  try {
    const report = await auditImage(reference, {
      cache: home.audit,
      hostPaths: hostPaths(home.root),
      progress,
      ...(values.budget !== undefined && { budgetBytes: parseSize(values.budget, "--budget") }),
      ...(values["system-layers"] !== undefined && { systemLayers: parseCount(values["system-layers"]) }),
    });
    progress.done();
    console.log(values.json ? JSON.stringify(report, null, 2) : renderReport(report));
    return report.verdict === "broken" ? 1 : 0;
  } finally {
    progress.done();
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        budget: { type: "string" },
        "system-layers": { type: "string" },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function parseCount(text: string): number {
  if (/^[0-9]{1,4}$/.test(text)) return Number(text);
  throw new UserError(
    "--system-layers",
    `expected a number, got "${text}".`,
    "Give how many layers the base has.",
  );
}

/** Folders that only this machine has. Short ones (/, /root) are in every image and prove nothing. */
function hostPaths(home: string): string[] {
  const ambiguous = new Set(["/", "/root", "/home", "/app", "/src", "/workspace", "/build"]);
  return [process.cwd(), home, homedir()].filter((path) => !ambiguous.has(path));
}

function usage(problem: string): UserError {
  return new UserError("audit", problem, `\n\n${HELP}`);
}
