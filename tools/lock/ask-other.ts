import { UserError } from "../../errors.ts";
import { mirrored } from "../../lib/mirrors.ts";
import { ask, type FileFacts, notServed, type SourceAccess } from "./ask.ts";

const MOST_REDIRECTS = 5;

/**
 * CivitAI under each of its names; one account and one key are good for all of them.
 * https://github.com/civitai/civitai calls them blue, green and red.
 */
const origins: ReadonlySet<string> = new Set([
  "https://civitai.com",
  "https://civitai.green",
  "https://civitai.red",
]);

/** Whether an address is CivitAI's own: where it stores files, nobody may see its key. */
function isCivitai(address: string): boolean {
  return origins.has(new URL(address).origin);
}

/**
 * Other hosts than the hub tell the size. One byte is asked for, as the fetcher does: CivitAI refuses HEAD, and where it
 * redirects to, the address is signed for GET. Its token goes to itself alone; the storage would refuse a second login.
 */
export async function askOther(url: string, asking: SourceAccess): Promise<FileFacts> {
  let address = mirrored(url, asking.mirrors);
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const answer = await ask(address, "GET", headersFor(address, asking), asking);
    await answer.body?.cancel();
    const next = answer.headers.get("location");
    if (answer.status >= 300 && answer.status < 400 && next !== null) {
      address = new URL(next, address).href;
      continue;
    }
    if (answer.status === 401 || answer.status === 403) throw refused(url, address, answer.status, asking);
    if (!answer.ok) throw notServed(url, answer.status);
    if (/^(text\/html|application\/xhtml)/i.test(answer.headers.get("content-type") ?? ""))
      throw page(url, asking);
    return { url, size: sizeOf(answer), sha256: null, gated: null, licence: null, changed: dateOf(answer) };
  }
  throw new UserError(url, `redirects more than ${MOST_REDIRECTS} times.`, "Give the address it ends at.");
}

function headersFor(address: string, { civitaiToken }: SourceAccess): Record<string, string> {
  return {
    range: "bytes=0-0",
    "accept-encoding": "identity",
    // CivitAI turns away the names of some programs.
    "user-agent": "strata",
    ...(civitaiToken && isCivitai(address) ? { authorization: `Bearer ${civitaiToken}` } : {}),
  };
}

/** `Content-Range: bytes 0-0/<size>`, or the length that a server gives which knows no ranges. */
function sizeOf({ status, headers }: Response): number | null {
  const range = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  const size = status === 206 ? range : headers.get("content-length");
  return size === undefined || size === null ? null : Number(size);
}

/** Stores say when they got a file; what is made for each request says now, or nothing. */
function dateOf({ headers }: Response): Date | null {
  const date = new Date(headers.get("last-modified") ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

const makeToken = "Set CIVITAI_TOKEN to a key of your account (https://civitai.com/user/account).";
const lookThere =
  "Look at its page with that account: early access, or downloads that its author switched off.";

function refused(url: string, address: string, status: number, { civitaiToken }: SourceAccess): UserError {
  const { host } = new URL(address);
  if (isCivitai(address)) {
    return civitaiToken
      ? new UserError(url, `is not given to the owner of CIVITAI_TOKEN (${status}).`, lookThere)
      : new UserError(url, `wants a login (${status}).`, makeToken);
  }
  return host === new URL(url).host
    ? new UserError(
        url,
        `is refused (${status}).`,
        "strata has tokens for Hugging Face and CivitAI alone: give an address in locks/models.json that wants no login.",
      )
    : new UserError(
        url,
        `is refused by ${host}, where it leads to (${status}).`,
        "Try again; if it stays so, give another address in locks/models.json.",
      );
}

/** A login, a licence to accept, or what people see of the file: never the file. */
function page(url: string, { civitaiToken }: SourceAccess): UserError {
  if (!isCivitai(url)) {
    const isBlob = new URL(url).pathname.includes("/blob/");
    const remedy = isBlob
      ? "Write /resolve/ (GitHub: /raw/) in place of /blob/."
      : "Give the address of the file itself in locks/models.json.";
    return new UserError(url, "gives a page, not a file.", remedy);
  }
  if (!new URL(url).pathname.startsWith("/api/download/"))
    return new UserError(
      url,
      "is a page of CivitAI, not a file.",
      "Give the address of its download button, https://civitai.com/api/download/models/….",
    );
  return civitaiToken
    ? new UserError(url, "gives a page, not the file, to the owner of CIVITAI_TOKEN.", lookThere)
    : new UserError(url, "gives a page, not the file: it wants a login.", makeToken);
}
