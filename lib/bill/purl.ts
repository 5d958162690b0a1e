import { PackageURL } from "packageurl-js";

/** Addresses of packages as scanners match them: https://github.com/package-url/purl-spec */

type Qualifiers = Readonly<Record<string, string | undefined>>;

function purl(type: string, namespace: string | null, name: string, version: string, more: Qualifiers = {}) {
  const given = Object.entries(more).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const qualifiers = given.length > 0 ? Object.fromEntries(given) : null;
  return new PackageURL(type, namespace, name, version, qualifiers, null).toString();
}

/** A Python distribution. */
export function pypiPurl(name: string, version: string, more: Qualifiers = {}): string {
  return purl("pypi", null, name, version, more);
}

/** A repository at a commit: GitHub's by owner and name, any other by its address. */
export function gitPurl(repository: string, commit: string): string {
  const onGithub = /^https:\/\/github\.com\/([^/]+)\/([^/]+?)(?:\.git)?\/?$/i.exec(repository);
  if (onGithub) return purl("github", lower(onGithub[1]), lower(onGithub[2]), commit);
  const name =
    repository
      .replace(/\/$/, "")
      .replace(/\.git$/, "")
      .split("/")
      .at(-1) || "repository";
  return purl("generic", null, name, commit, { vcs_url: `git+${repository}@${commit}` });
}

/** A file at an address and a hash: one of the hub by repository and commit, where the address names them. */
export function filePurl(name: string, url: string, sha256: string): string {
  const onHub = /^https:\/\/huggingface\.co\/([^/]+)\/([^/]+)\/resolve\/([0-9a-f]{40})\//.exec(url);
  // The hub tells names apart by case.
  if (onHub) return purl("huggingface", onHub[1] ?? "", onHub[2] ?? "", onHub[3] ?? "");
  return purl("generic", null, name, sha256.slice(0, 12), {
    download_url: url,
    checksum: `sha256:${sha256}`,
  });
}

/** A program that a stage makes. */
export function programPurl(name: string, version: string): string {
  return purl("generic", null, name, version);
}

/** A Go module at a version. */
export function goPurl(module: string, version: string): string {
  const [name = module, ...above] = module.split("/").reverse();
  return purl("golang", above.reverse().join("/"), name, version);
}

/** An image by its digest. @param name without tag; `docker.io/library/debian` */
export function imagePurl(name: string, digest: string): string {
  const last = name.split("/").at(-1) ?? name;
  return purl("oci", null, last.toLowerCase(), digest, {
    repository_url: name.includes("/") ? name : undefined,
  });
}

/** A distribution's package. grype takes the distribution of an SPDX document from `distro` alone. */
export function debianPurl(
  { name, version, architecture, source }: DebianName,
  distribution: { readonly id: string; readonly version: string },
): string {
  return purl("deb", distribution.id, name, version, {
    arch: architecture,
    distro: `${distribution.id}-${distribution.version}`,
    // With its version where that is another: advisories speak of sources.
    upstream: source,
  });
}

interface DebianName {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** `gcc-12`, or `gcc-12@12.2.0-14`; absent where it is the package's own. */
  readonly source?: string | undefined;
}

function lower(text = ""): string {
  return text.toLowerCase();
}
