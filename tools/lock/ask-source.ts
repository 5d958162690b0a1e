import { UserError } from "../../errors.ts";
import {
  type HubFile,
  hubHost,
  hubPage,
  hubUrl,
  isCommit,
  parseHubUrl,
} from "../../lib/lock-making/hub-address.ts";
import { ask, type FileFacts, notServed, type SourceAccess } from "./ask.ts";
import { askOther } from "./ask-other.ts";

const MOST_REDIRECTS = 5;

/** Asks the source of a file for its size and hash. Throws where it does not serve the file. */
export async function askSource(url: string, asking: SourceAccess): Promise<FileFacts> {
  return parseHubUrl(url) ? await askHub(url, asking) : await askOther(url, asking);
}

/** The hub tells both of files in large-file storage: https://huggingface.co/docs/hub/api and huggingface_hub. */
async function askHub(url: string, asking: SourceAccess): Promise<FileFacts> {
  const file = parseHubUrl(url);
  if (!file) throw new Error(`${url} is not on the hub`);
  const headers = asking.token ? { authorization: `Bearer ${asking.token}` } : {};
  const endpoint = asking.endpoint ?? `https://${hubHost}`;
  let address = hubUrl(file, endpoint);
  for (let hop = 0; ; hop++) {
    const answer = await ask(address, "HEAD", headers, asking);
    // A repository that was renamed answers with its new name; any other host is the storage, and not asked.
    const next = answer.headers.get("location");
    const isHere = next !== null && new URL(next, address).origin === new URL(address).origin;
    if (isHere && !answer.headers.has("x-linked-etag") && hop < MOST_REDIRECTS) {
      address = new URL(next, address).href;
      continue;
    }
    if (answer.status >= 400) throw hubError(url, file.repository, answer, asking);
    const commit = answer.headers.get("x-repo-commit") ?? "";
    const hash = unquoted(answer.headers.get("x-linked-etag") ?? "");
    const size =
      answer.headers.get("x-linked-size") ?? (next === null ? answer.headers.get("content-length") : null);
    return {
      url: isCommit(commit) ? hubUrl({ ...file, revision: commit }) : url,
      size: size === null ? null : Number(size),
      sha256: /^[0-9a-f]{64}$/.test(hash) ? hash : null,
      changed: asking.coolDown?.days ? await dateOf(file, commit, endpoint, headers, asking) : null,
      ...(await describe(file.repository, endpoint, headers, asking)),
    };
  }
}

/**
 * When the file last changed in its repository; a hub that does not tell leaves it open. As huggingface_hub asks
 * (`get_paths_info` in hf_api.py).
 */
async function dateOf(
  { repository, revision, path }: HubFile,
  commit: string,
  endpoint: string,
  headers: Record<string, string>,
  asking: SourceAccess,
): Promise<Date | null> {
  const kind = /^(datasets|spaces)\//.test(repository) ? repository : `models/${repository}`;
  const at = encodeURIComponent(isCommit(commit) ? commit : revision);
  const answer = await ask(
    `${endpoint.replace(/\/+$/, "")}/api/${kind}/paths-info/${at}`,
    "POST",
    { ...headers, "content-type": "application/json" },
    asking,
    JSON.stringify({ paths: [decodeURIComponent(path)], expand: true }),
  );
  if (!answer.ok) return null;
  const found = (await answer.json()) as readonly { lastCommit?: { date?: unknown } | null }[];
  const date = new Date(String(found[0]?.lastCommit?.date ?? ""));
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Licence and gate of a repository; a hub that does not tell leaves both open. */
async function describe(
  repository: string,
  endpoint: string,
  headers: Record<string, string>,
  asking: SourceAccess,
): Promise<Pick<FileFacts, "gated" | "licence">> {
  const isModel = !/^(datasets|spaces)\//.test(repository);
  const path = isModel ? `models/${repository}` : repository;
  const answer = await ask(`${endpoint.replace(/\/+$/, "")}/api/${path}`, "GET", headers, asking);
  if (!answer.ok) return { gated: null, licence: null };
  const { gated, cardData } = (await answer.json()) as {
    gated?: unknown;
    cardData?: { license?: unknown } | null;
  };
  const licence = cardData?.license;
  return {
    gated: gated === undefined ? null : gated !== false,
    licence: typeof licence === "string" ? licence : null,
  };
}

/** The hub's words for what is wrong, as huggingface_hub reads them (utils/_http.py). */
function hubError(
  url: string,
  repository: string,
  { status, headers }: Response,
  { token }: SourceAccess,
): UserError {
  const [code, message] = [headers.get("x-error-code"), headers.get("x-error-message")];
  const error = (problem: string, remedy: string) => new UserError(url, problem, remedy);
  const other = "Give another address in locks/models.json.";
  // Of public files as well: https://github.com/huggingface/huggingface_hub/pull/2847.
  if (token && message === "Invalid credentials in Authorization header")
    return error(
      "is not given: the hub does not know HF_TOKEN, or no longer.",
      `Make a new one at https://${hubHost}/settings/tokens, or unset it for files that are free.`,
    );
  if (message === "Access to this resource is disabled.")
    return error(`is in a repository that the hub has shut (${status}).`, other);
  if (code === "RepoNotFound")
    return token
      ? error(`is gone, or private and not for the owner of HF_TOKEN (${status}).`, other)
      : error(
          "is private or gone.",
          `Correct the address, or set HF_TOKEN if ${hubPage(repository)} is yours.`,
        );
  if (code === "EntryNotFound" || code === "RevisionNotFound")
    return error(`is not in its repository any more (${status} ${code}).`, other);
  if (status !== 401 && status !== 403) return notServed(url, status);
  if (!token)
    return error(
      code === "GatedRepo" ? "is gated." : "is gated, private or gone.",
      `Accept the licence at ${hubPage(repository)} and set HF_TOKEN.`,
    );
  return error(
    "is not given to the owner of HF_TOKEN.",
    `Accept the licence at ${hubPage(repository)} with that account, and give the token the right to read gated repositories.`,
  );
}

/** Entity tags stand in quotes, weak ones behind `W/`. */
function unquoted(tag: string): string {
  return tag.replace(/^W\//, "").replaceAll('"', "");
}
