import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { type OsvQuestion, questionKey } from "../../lib/vulnerabilities/bill-parts.ts";
import { type OsvRecord, osvRecordSchema } from "../../lib/vulnerabilities/osv-record.ts";
import { recall, writeJson } from "../program/files.ts";
import { attemptFetch, type Patience, patiently } from "../program/retry.ts";
import type { RecordName, VulnerabilitySource } from "./vulnerability-source.ts";

/** https://google.github.io/osv.dev/api/ */
const OSV = "https://api.osv.dev";
/** More in a batch are refused (osv.dev, gcp/api/server.py, _MAX_BATCH_QUERY). */
const BATCH = 1_000;
/** One question has tens of pages at the most: who answers without an end is none that we know. */
const MOST_PAGES = 200;
const AT_ONCE = 16;
const TIMEOUT_MS = 60_000;

/** What is read of an answer: a question that nothing is known about has an empty object, and a page may be empty. */
const batchAnswer = z.object({
  results: z.array(
    z.object({
      vulns: z.array(z.object({ id: z.string(), modified: z.string().nullish() })).nullish(),
      next_page_token: z.string().nullish(),
    }),
  ),
});

const stored = z.object({ asked: z.string(), record: osvRecordSchema });

/** OSV's service. Records that were read are kept by when they were changed. */
export class OsvService implements VulnerabilitySource {
  readonly name: string;
  private readonly address: string;
  private readonly cache: string;
  private readonly patience: Patience;

  constructor(address = OSV, { cache, ...patience }: Patience & { readonly cache: string }) {
    this.address = address.replace(/\/+$/, "");
    this.name = new URL(this.address).host;
    this.cache = cache;
    this.patience = patience;
  }

  unanswered(): null {
    return null;
  }

  async recordsFor(questions: readonly OsvQuestion[]): Promise<RecordName[][]> {
    const found = questions.map((): RecordName[] => []);
    let open = questions.map((question, index) => ({ question, index, page: "" }));
    for (let page = 0; open.length > 0; page++) {
      if (page >= MOST_PAGES) throw this.refused("/v1/querybatch", `gives more than ${MOST_PAGES} pages`);
      const batches = Array.from({ length: Math.ceil(open.length / BATCH) }, (_, at) =>
        open.slice(at * BATCH, (at + 1) * BATCH),
      );
      const answers: Awaited<ReturnType<OsvService["askBatch"]>> = [];
      for (const batch of batches) answers.push(...(await this.askBatch(batch)));
      for (const [at, { vulns }] of answers.entries()) {
        const names = (vulns ?? []).map(({ id, modified }) => ({ id, modified: modified ?? null }));
        found[open[at]?.index ?? 0]?.push(...names);
      }
      open = open.flatMap((asked, at) => {
        const token = answers[at]?.next_page_token;
        return token ? [{ ...asked, page: token }] : [];
      });
    }
    return found;
  }

  async record({ id, modified }: RecordName): Promise<OsvRecord | undefined> {
    // Of one whose time is not known, what was read today.
    const asked = modified ?? new Date().toISOString().slice(0, 10);
    const file = join(this.cache, `${createHash("sha256").update(id).digest("hex")}.json`);
    const kept = await recall(file, stored);
    if (kept?.asked === asked && kept.record.id === id) return kept.record;
    const path = `/v1/vulns/${encodeURIComponent(id)}`;
    const response = await this.ask(path);
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    const record = osvRecordSchema.safeParse(await this.json(path, response)).data;
    if (!record) throw this.refused(path, "answers with what is no record of OSV");
    await writeJson(file, { asked, record });
    return record;
  }

  private async askBatch(batch: readonly { readonly question: OsvQuestion; readonly page: string }[]) {
    const path = "/v1/querybatch";
    const queries = batch.map(({ question, page }) => ({
      ...queryOf(question),
      ...(page && { page_token: page }),
    }));
    const response = await this.ask(path, JSON.stringify({ queries }));
    const answer = batchAnswer.safeParse(await this.json(path, response)).data;
    // Answers have nothing but their place: one that is missing would make clean what is not.
    if (answer?.results.length === batch.length) return answer.results;
    throw this.refused(path, `does not answer each of ${batch.length} questions`);
  }

  private async ask(path: string, body?: string): Promise<Response> {
    return await patiently(
      () =>
        attemptFetch(`${this.address}${path}`, {
          ...(body !== undefined && {
            method: "POST",
            body,
            headers: { "content-type": "application/json" },
          }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }),
      ({ message }) => this.refused(path, message),
      this.patience,
    );
  }

  private async json(path: string, response: Response): Promise<unknown> {
    const text = await response.text().catch((error: Error) => {
      throw this.refused(path, `breaks off (${error.message})`);
    });
    if (!response.ok) throw this.refused(path, `answers ${response.status}: ${text.slice(0, 200).trim()}`);
    try {
      return JSON.parse(text);
    } catch {
      throw this.refused(path, "answers with what is no JSON");
    }
  }

  private refused(path: string, problem: string): UserError {
    return new UserError(
      `${this.name}${path}`,
      `${problem}.`,
      "Open the way to it, or take OSV's database from a folder: --database FOLDER, strata:vulnerabilities.database.",
    );
  }
}

/** Each question once, with its answer: a base is asked about for every stack. */
export async function askOnce(
  source: VulnerabilitySource,
  questions: readonly OsvQuestion[],
): Promise<Map<string, readonly RecordName[]>> {
  const distinct = [...new Map(questions.map((question) => [questionKey(question), question])).values()];
  const answerable = distinct.filter((question) => source.unanswered(question) === null);
  const answers = await source.recordsFor(answerable);
  return new Map(answerable.map((question, at) => [questionKey(question), answers[at] ?? []]));
}

/** The records of these names, each read once. */
export async function readRecords(
  source: VulnerabilitySource,
  names: readonly RecordName[],
): Promise<Map<string, OsvRecord | undefined>> {
  const distinct = [...new Map(names.map((name) => [name.id, name])).values()];
  const records = await inParallel(AT_ONCE, distinct, (name) => source.record(name));
  return new Map(distinct.map(({ id }, at) => [id, records[at]]));
}

function queryOf(question: OsvQuestion) {
  if (question.kind === "commit") return { commit: question.commit };
  const { name, ecosystem, version, purl } = question;
  return purl ? { package: { purl } } : { package: { name, ecosystem }, version };
}
