import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { strFromU8, type UnzipFileInfo, unzipSync } from "fflate";
import { UserError } from "../../errors.ts";
import { isAffected } from "../../lib/vulnerabilities/affected.ts";
import { askedAbout, type OsvQuestion } from "../../lib/vulnerabilities/bill-parts.ts";
import { type OsvRecord, osvRecordSchema } from "../../lib/vulnerabilities/osv-record.ts";
import type { VulnerabilitySource } from "./vulnerability-source.ts";

/** Files that are unpacked at a time: all of Debian's would take a gigabyte. */
const AT_ONCE = 4_000;

/** Where osv-scanner keeps them, too, newer ones first. */
const parents = ["", "osv-scalibr", "osv-scanner"];

/**
 * OSV's database in a folder, as https://osv-vulnerabilities.storage.googleapis.com/<ecosystem>/all.zip serves it:
 * `<folder>/<ecosystem>/all.zip`. Of a release, `Debian:12`, the whole distribution's does as well.
 */
export async function openOsvDatabase(folder: string): Promise<VulnerabilitySource> {
  if (!existsSync(folder)) {
    throw new UserError(
      folder,
      "is no folder.",
      "It holds <ecosystem>/all.zip, such as PyPI/all.zip (docs/vulnerabilities.md).",
    );
  }
  const byId = new Map<string, OsvRecord>();
  return {
    name: folder,
    unanswered: (question) => unansweredBy(folder, question),
    recordsFor: async (questions) => {
      const records = await readAbout(folder, questions);
      for (const record of records) byId.set(record.id, record);
      return questions.map((question) =>
        records
          .filter((record) => question.kind === "package" && isAffected(record, question))
          .map(({ id }) => ({ id, modified: null })),
      );
    },
    record: async ({ id }) => byId.get(id),
  };
}

function unansweredBy(folder: string, question: OsvQuestion): string | null {
  if (question.kind === "commit") return "commits, of which OSV's service alone has the histories";
  if (fileOf(folder, question.ecosystem) !== undefined) return null;
  return `${question.ecosystem}, whose all.zip is not there`;
}

function fileOf(folder: string, ecosystem: string): string | undefined {
  const names = [ecosystem, ecosystem.split(":")[0] ?? ecosystem];
  return parents
    .flatMap((parent) => names.map((name) => join(folder, parent, name, "all.zip")))
    .find((file) => existsSync(file));
}

/** The records that are about one of these packages, whichever versions they tell of. */
async function readAbout(folder: string, questions: readonly OsvQuestion[]): Promise<OsvRecord[]> {
  const wanted = new Set(questions.map((question) => nameOf(askedAbout(question))));
  const files = new Set(
    questions.flatMap((question) =>
      question.kind === "package" ? (fileOf(folder, question.ecosystem) ?? []) : [],
    ),
  );
  const records: OsvRecord[] = [];
  for (const file of files) {
    for (const text of unzipped(await readFile(file), file)) {
      const record = recordIn(text, file);
      const isWanted = record.affected.some(({ package: named }) => {
        return named && wanted.has(nameOf(`${named.ecosystem} ${named.name}`));
      });
      if (isWanted) records.push(record);
    }
  }
  return records;
}

/** A first, wide choice: without the release, and as PyPI writes names. */
function nameOf(subject: string): string {
  const [ecosystem = "", name = ""] = subject.split(/ (.*)/s);
  return `${ecosystem.split(":")[0]} ${name.toLowerCase().replace(/[-_.]+/g, "-")}`;
}

function* unzipped(bytes: Buffer, file: string): Generator<string> {
  const names: string[] = [];
  const open = (filter: (info: UnzipFileInfo) => boolean) => {
    try {
      return unzipSync(bytes, { filter });
    } catch (error) {
      throw new UserError(file, `is no ZIP file: ${(error as Error).message}.`, "Fetch it again.");
    }
  };
  open(({ name }) => {
    if (name.endsWith(".json")) names.push(name);
    return false;
  });
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const slice = new Set(names.slice(at, at + AT_ONCE));
    for (const content of Object.values(open(({ name }) => slice.has(name)))) yield strFromU8(content);
  }
}

function recordIn(text: string, file: string): OsvRecord {
  try {
    return osvRecordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      file,
      `holds what is no record of OSV: ${(error as Error).message.slice(0, 200)}`,
      "Fetch it again.",
    );
  }
}
