import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home, projectFolder } from "../../home.ts";
import { allowListNotes, sortByAllowList, today } from "../../lib/vulnerabilities/allow-list.ts";
import { partsOfDocument } from "../../lib/vulnerabilities/bill-parts.ts";
import { readAllowList } from "../../lib/vulnerabilities/gate-terms.ts";
import { mergeFound, parseGrypeReport } from "../../lib/vulnerabilities/grype-report.ts";
import type { Vulnerability } from "../../lib/vulnerabilities/vulnerability.ts";
import { type GateLevel, gateLevels, stoppedBy } from "../../lib/vulnerabilities/vulnerability-gate.ts";
import { Transport } from "../../oci/access/transport.ts";
import { storedBill } from "../attestation/stored-bill.ts";
import { byDigest, findImage } from "../delivery/find-image.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { namedStackConfig } from "../stack/checkout-plan.ts";
import {
  compareVulnerabilities,
  findVulnerabilities,
  packagesWithoutAnswer,
} from "../vulnerabilities/find-vulnerabilities.ts";
import { openVulnerabilitySource } from "../vulnerabilities/open-vulnerability-source.ts";
import { plannedSubject, type Subject } from "./vulnerabilities/planned-subject.ts";
import { asText, coverageNotes } from "./vulnerabilities/vulnerability-table.ts";

const HELP = `Usage: npm run vulnerabilities -- [reference | stack] [--plan] [--against REFERENCE] [--json]
                                  [--database FOLDER] [--allow FILE] [--scan FILE] [--gate LEVEL] [--only-fixed]

What is known against an image, by the bill of materials that lies beside it: nothing of the image is pulled.

  reference, stack     an image, or the product of a stack (default: the stack dev)
  --plan               what the stack's plan has, before it is built: all but the distribution's packages
  --against REFERENCE  only what it adds to another image, and what it removes
  --database FOLDER    OSV's database, <ecosystem>/all.zip each, instead of its service
  --allow FILE         what may be there, with reason and last day
  --scan FILE          adds what grype -o json has found
  --gate LEVEL         status 1 where one is as bad: ${gateLevels.join(", ")}; --only-fixed: and has a fixed version
  --json               everything as one JSON object

Of a stack, strata:vulnerabilities says what is not given here. STRATA_OSV_ADDRESS is another address of OSV's service.`;

const options = {
  plan: { type: "boolean", default: false },
  against: { type: "string" },
  database: { type: "string" },
  allow: { type: "string" },
  scan: { type: "string" },
  gate: { type: "string" },
  "only-fixed": { type: "boolean" },
  json: { type: "boolean", default: false },
} as const;

/** `npm run vulnerabilities`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({ allowPositionals: true, options });
    const [given = "dev", ...more] = positionals;
    const comparesScan = values.against !== undefined && values.scan !== undefined;
    if (more.length > 0 || comparesScan) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const transport = new Transport();
    const isStack = existsSync(join(projectFolder, `Pulumi.${given}.yaml`));
    const setting = isStack ? (await namedStackConfig(projectFolder, given)).vulnerabilities : undefined;
    const subject = values.plan
      ? await plannedSubject(home, given)
      : await builtSubject(isStack ? { stack: given } : { reference: given, stack: "dev" }, transport);
    const source = await openVulnerabilitySource(home, values.database ?? setting?.database);
    const list =
      values.allow === undefined
        ? readAllowList(setting?.allow, projectFolder)
        : readAllowList(values.allow, process.cwd());
    const against =
      values.against && (await builtSubject({ reference: values.against, stack: "dev" }, transport));
    const result = await withProgress(`Asking ${source.name}`, async () =>
      against
        ? { ...(await compareVulnerabilities(against.parts, subject.parts, source)), against: against.name }
        : await findVulnerabilities(subject.parts, source),
    );
    const found = "found" in result ? mergeFound(result.found, await scanned(values.scan)) : result.added;
    const sorted = sortByAllowList(found, list, today());
    const gate = {
      gate: gateOf(values.gate) ?? setting?.gate ?? "off",
      onlyFixed: values["only-fixed"] ?? setting?.onlyFixed ?? false,
    };
    const stopped = stoppedBy(sorted.open, gate);
    const whole = {
      image: subject.name,
      source: source.name,
      ...result,
      ...sorted,
      ...gate,
      stopped: stopped.length,
    };
    process.stdout.write(
      `${values.json ? JSON.stringify(whole, null, 2) : asText(subject.name, result, sorted)}\n`,
    );
    const coverage = "found" in result ? coverageNotes(result, source.name) : [];
    // What a change does not touch an allow-list may well name.
    const notes = allowListNotes(against ? { ...sorted, unused: [] } : sorted);
    for (const line of [...subject.notes, ...coverage, ...notes]) note(line);
    const open = gate.gate === "off" ? 0 : packagesWithoutAnswer(subject.parts, source).length;
    if (stopped.length + open > 0) {
      note(
        `gate ${gate.gate}: ${stopped.length} do not pass${open > 0 ? `, of ${open} parts nothing is known` : ""}`,
      );
    }
    return stopped.length + open > 0 ? 1 : 0;
  },
  { help: HELP },
);

async function builtSubject(
  choice: { readonly reference?: string; readonly stack: string },
  transport: Transport,
): Promise<Subject> {
  const reference = byDigest(await findImage(home, choice, transport));
  return { name: reference, parts: partsOfDocument(await storedBill(reference, transport)), notes: [] };
}

async function scanned(file: string | undefined): Promise<Vulnerability[]> {
  if (file === undefined) return [];
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError(file, `cannot be read (${error.code}).`, "--scan names what grype -o json printed.");
  });
  return parseGrypeReport(text, file);
}

function gateOf(word: string | undefined): GateLevel | undefined {
  const level = gateLevels.find((each) => each === word);
  if (word === undefined || level !== undefined) return level;
  throw new UserError("--gate", `expected one of ${gateLevels.join(", ")}, got "${word}".`, "");
}
