import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/**
 * OSV's service as google/osv.dev's gcp/api/server.py answers (d473ec7): results in the order of the queries, `{}` where nothing
 * is known, a token where a page ends, 400 for more than 1000 queries, for an ecosystem that it does not know and for what is no commit.
 */

export interface OsvQuery {
  readonly package?: { readonly purl?: string; readonly name?: string; readonly ecosystem?: string };
  readonly version?: string;
  readonly commit?: string;
  readonly page_token?: string;
}

export interface FakeOsv {
  readonly address: string;
  /** The queries of each batch. */
  readonly batches: OsvQuery[][];
  /** The records that were read. */
  readonly read: string[];
  /** Answers with this status as often as that. */
  fail(status: number, times: number): void;
  stop(): Promise<void>;
}

const ecosystems = /^(Debian:\d+|Ubuntu:\d\d\.\d\d(:LTS)?|PyPI|Go)$/;
const MOST = 1_000;

/** The names of records by what is asked: a purl, `ecosystem name version`, a commit. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** @param pageSize names a page, so that tests see more than one */
export async function startFakeOsv(
  known: Known,
  records: readonly { readonly id: string; readonly modified?: string }[],
  pageSize = 1_000,
): Promise<FakeOsv> {
  const batches: OsvQuery[][] = [];
  const read: string[] = [];
  const failing = { status: 0, times: 0 };
  const server = createServer(async (request, response) => {
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (failing.times > 0) {
      failing.times--;
      return answer(failing.status, { code: 14, message: "busy" });
    }
    if (request.url === "/v1/querybatch" && request.method === "POST") {
      const queries = await queriesOf(request);
      batches.push(queries);
      const wrong = problemOf(queries);
      if (wrong) return answer(400, { code: 3, message: wrong });
      return answer(200, { results: queries.map((query) => page(query, known, records, pageSize)) });
    }
    const [, id = ""] = /^\/v1\/vulns\/(.+)$/.exec(request.url ?? "") ?? [];
    const record = records.find((each) => each.id === decodeURIComponent(id));
    if (!record) return answer(404, { code: 5, message: "Bug not found." });
    read.push(record.id);
    return answer(200, record);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  return {
    address: `http://127.0.0.1:${at.port}`,
    batches,
    read,
    fail: (status, times) => Object.assign(failing, { status, times }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function queriesOf(request: IncomingMessage): Promise<OsvQuery[]> {
  return JSON.parse(await text(request)).queries;
}

function problemOf(queries: readonly OsvQuery[]): string | undefined {
  if (queries.length > MOST) return "Too many queries.";
  for (const { package: named, version, commit } of queries) {
    if (commit !== undefined && !/^([0-9a-f]{2})+$/.test(commit)) return "Invalid hash.";
    if (named?.purl && version) return "version specified in params and PURL query";
    if (named?.ecosystem && !ecosystems.test(named.ecosystem)) return "Invalid ecosystem.";
    if (commit === undefined && !named?.purl && !named?.name) return "Invalid query.";
  }
  return undefined;
}

function page(
  { package: named, version, commit, page_token: token = "0" }: OsvQuery,
  known: Known,
  records: readonly { readonly id: string; readonly modified?: string }[],
  pageSize: number,
) {
  const key = commit ?? named?.purl ?? `${named?.ecosystem} ${named?.name} ${version}`;
  const names = known[key] ?? [];
  const [from, to] = [Number(token), Number(token) + pageSize];
  const shown = names.slice(from, to).map((id) => ({
    id,
    modified: records.find((each) => each.id === id)?.modified ?? "2026-01-01T00:00:00Z",
  }));
  return {
    ...(shown.length > 0 && { vulns: shown }),
    ...(to < names.length && { next_page_token: String(to) }),
  };
}
