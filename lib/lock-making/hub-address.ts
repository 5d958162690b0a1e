/** Addresses on Hugging Face's hub. */

/** The host that addresses in locks name, wherever they are fetched from. */
export const hubHost = "huggingface.co";

/** A file on the hub: `https://huggingface.co/<owner>/<name>/resolve/<revision>/<path>`. */
export interface HubFile {
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  readonly path: string;
}

/** What an address means on the hub; undefined for other hosts, and other pages of it. */
export function parseHubUrl(address: string): HubFile | undefined {
  const { host, pathname } = new URL(address);
  const [, repository, revision, path] =
    /^\/((?:datasets\/|spaces\/)?[^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  if (host !== hubHost || !repository || !revision || !path) return undefined;
  return { repository, revision: decodeURIComponent(revision), path };
}

/** The address of a file; `path` is as an address has it, with its escapes. */
export function hubUrl({ repository, revision, path }: HubFile, endpoint = `https://${hubHost}`): string {
  return `${endpoint.replace(/\/+$/, "")}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** Where a model's licence is read and accepted. */
export function hubPage(repository: string): string {
  return `https://${hubHost}/${repository}`;
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
