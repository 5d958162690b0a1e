import { parse } from "node:path/posix";
import { normaliseName } from "../locks/python-lock.ts";
import type { SpdxDocument } from "./spdx-document.ts";
import { filesOf } from "./spdx-package.ts";

/** The files of an image, and those of them that say whose others are. Paths have no slash in front. */
export interface ImageFiles {
  /** All that are no folders. */
  readonly paths: readonly string[];
  /** Where symbolic links lead. */
  readonly links: Readonly<Record<string, string>>;
  /** Texts by path: dpkg's lists, RECORD of wheels. */
  readonly records: Readonly<Record<string, string>>;
}

const dpkgList = /^var\/lib\/dpkg\/info\/([^/:]+)(?::[a-z0-9]+)?\.list$/;
const wheelRecord = /^(.*site-packages)\/([^/]+)-([^-/]+)\.dist-info\/RECORD$/;

/** Whether ownership is read from this file. */
export function tellsOwners(path: string): boolean {
  return dpkgList.test(path) || wheelRecord.test(path);
}

/** What is in an image and in no component, with the reason: made while components are installed, or of the base. */
const made: readonly (readonly [RegExp, string])[] = [
  [
    /^var\/(lib\/dpkg|lib\/apt|cache|log|lib\/pam|lib\/systemd|lib\/python|lib\/ucf|lib\/shells\.state)/,
    "records of the package manager",
  ],
  [
    /^etc\/(alternatives|ld\.so\.cache|rc[0-9S]\.d|systemd|dpkg|xml|fonts\/conf\.d|pam\.d\/common-|python3\/debian_config|security\/opasswd)/,
    "made when packages are configured",
  ],
  [
    /^etc\/ssl\/certs\/|^etc\/ca-certificates\.conf$|^usr\/share\/.*\/(gschemas\.compiled|mime\.cache|giomodule\.cache)$/,
    "made of what packages bring",
  ],
  [
    /^usr\/lib\/.*(loaders|giomodule)\.cache$|^usr\/share\/(info\/dir|mime\/|glib-2\.0\/schemas\/)/,
    "made of what packages bring",
  ],
  [
    /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^etc\/\.pwd\.lock$|^home\/strata\/\./,
    "the image's users",
  ],
  [
    /^etc\/(hostname|hosts|resolv\.conf|mtab|machine-id|localtime|timezone|shells|environment|default\/locale|fstab|apt\/.*|motd)$/,
    "the base image's configuration",
  ],
  [
    /^(etc\/(profile|issue.*|networks|inputrc|nsswitch\.conf|nanorc)|root\/\.[a-z]+rc|root\/\.profile)$/,
    "copied from templates of packages",
  ],
  [/^usr\/share\/strata\/system-packages\.txt$/, "strata's list of the distribution's packages"],
  [/^(bin|sbin|lib|lib32|lib64|libx32|var\/(run|lock))$/, "links of the merged /usr"],
  [/^(dev\/|var\/spool\/mail$|usr\/local\/man$|etc\/\.wh\.)/, "the base image's folders and devices"],
];

/** Files of no component, and those that are nobody's for a reason, by that reason. */
export interface Unowned {
  readonly files: readonly string[];
  readonly explained: Readonly<Record<string, readonly string[]>>;
}

/** Compares a bill of materials with what is really in the image. */
export function unownedFiles(document: SpdxDocument, { paths, links, records }: ImageFiles): Unowned {
  const owned = new Set(
    Object.entries(records).flatMap(([path, text]) => recordedFiles(path, text, document)),
  );
  const places = document.packages.flatMap(filesOf).map((path) => path.slice(1));
  const isOwned = (path: string) =>
    owned.has(merged(path)) ||
    owned.has(merged(sourceOfCompiled(path))) ||
    places.some(
      (place) => path === place || path.startsWith(`${place}/`) || sourceOfCompiled(path) === place,
    );
  const left = [...new Set(paths)].filter((path) => !isOwned(path)).sort();
  const reasonOf = (path: string) =>
    links[path]?.startsWith("/etc/alternatives/")
      ? "made when packages are configured"
      : made.find(([pattern]) => pattern.test(path))?.[1];
  const explained = Map.groupBy(left, reasonOf);
  const files = explained.get(undefined) ?? [];
  explained.delete(undefined);
  return { files, explained: Object.fromEntries(explained) as Unowned["explained"] };
}

/** The files that a record gives to a component of the document; none where the document does not have it. */
function recordedFiles(path: string, text: string, { packages }: SpdxDocument): string[] {
  const debian = dpkgList.exec(path)?.[1];
  if (debian !== undefined) {
    const isKnown = packages.some(({ SPDXID, name }) => name === debian && SPDXID.startsWith("SPDXRef-deb-"));
    return isKnown ? text.split("\n").map((line) => merged(line.replace(/^\//, ""))) : [];
  }
  const [, folder = "", name = "", version = ""] = wheelRecord.exec(path) ?? [];
  const isKnown = packages.some(
    (each) =>
      each.name === normaliseName(name) &&
      sameVersion(each.versionInfo, version) &&
      !/^SPDXRef-(tool|deb)-/.test(each.SPDXID),
  );
  if (!isKnown) return [];
  return text.split("\n").map((line) => merged(within(folder, recordedPath(line))));
}

/** The folder's name has `-` of a version as `_`, and its local part may be written either way. */
function sameVersion(a: string, b: string): boolean {
  const plain = (version: string) => version.toLowerCase().replace(/[-_]/g, ".");
  return plain(a) === plain(b);
}

/** The first field of a line of CSV. */
function recordedPath(line: string): string {
  return line.startsWith('"') ? line.slice(1, line.indexOf('"', 1)) : (line.split(",")[0] ?? "");
}

function within(folder: string, path: string): string {
  const parts = folder.split("/");
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/** dpkg's lists speak of /bin where /usr is merged, too. */
function merged(path: string): string {
  return path.replace(/^(bin|sbin|lib|lib32|lib64|libx32)\//, "usr/$1/");
}

/** `a/b.py` for `a/__pycache__/b.cpython-311.pyc`; what is compiled belongs to whom its source does. */
function sourceOfCompiled(path: string): string {
  const { dir, base } = parse(path);
  const [, name] = /^(.+)\.cpython-\d+t?(?:\.opt-\d)?\.pyc$/.exec(base) ?? [];
  return name !== undefined && dir.endsWith("__pycache__")
    ? `${dir.slice(0, -"__pycache__".length)}${name}.py`
    : path;
}
