import { remoteAddress } from "../git-remote.ts";

/** A path and address out of `.gitmodules`. */
export interface Submodule {
  readonly path: string;
  readonly repository: string;
}

/**
 * Reads `.gitmodules`. Addresses are made absolute, relative ones against `parent`, and written as recipes write them:
 * https, without `.git`. What is no address that others can use is left out.
 */
export function parseGitmodules(text: string, parent: string): Submodule[] {
  return text.split(/^\s*\[submodule\b.*$/m).flatMap((section) => {
    const value = (key: string) =>
      new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\r\\n]*?)"?\\s*$`, "m").exec(section)?.[1];
    const [path, url] = [value("path"), value("url")];
    if (!path || !url) return [];
    const repository = submoduleAddress(url, parent);
    return repository ? [{ path: path.replace(/\/+$/, ""), repository }] : [];
  });
}

/** `../other.git` against `https://host/owner/name` is `https://host/owner/other`. */
function submoduleAddress(url: string, parent: string): string | undefined {
  if (/^\.\.?\//.test(url)) return bare(new URL(url, `${bare(parent)}/`).href);
  if (/^(https?|git):\/\//.test(url)) return bare(url);
  return remoteAddress(url) ?? undefined;
}

function bare(address: string): string {
  return address.replace(/\/+$/, "").replace(/\.git$/, "");
}
