import { normaliseName } from "../locks/python-lock.ts";
import { type DebianPackage, type Distro, debianPackages, distroOf } from "./dpkg.ts";
import { debianLicence, licenceOfText, wheelLicence } from "./licence-files.ts";

/** Small files of a layer that tell what it holds, by path, and where its symbolic links lead. */
export interface LayerDocuments {
  readonly files: Readonly<Record<string, string>>;
  readonly links: Readonly<Record<string, string>>;
}

/** What the files of an image's stages say. */
export interface StageContents {
  readonly distro: Distro | undefined;
  readonly packages: readonly (DebianPackage & { readonly licence: string | undefined })[];
  /** Licences by `name==version`, the name normalised: an image may have two environments. */
  readonly wheels: Readonly<Record<string, string | undefined>>;
  /** By absolute folder. */
  readonly folders: Readonly<Record<string, string>>;
}

const metadataFile = /(?:^|\/)([^/]+)\.dist-info\/METADATA$/;
const licenceFile = /^(.*)\/(?:LICEN[CS]E|COPYING)(?:\.(?:md|txt|rst))?$/i;
const copyrightFile = /^usr\/share\/doc\/([^/]+)\/copyright$/;

/** Whether a bill of materials is read from this file; `path` without a slash in front. */
export function tellsContents(path: string): boolean {
  return (
    path === "var/lib/dpkg/status" ||
    path === "etc/os-release" ||
    path === "usr/lib/os-release" ||
    copyrightFile.test(path) ||
    (path.includes("site-packages/") && metadataFile.test(path)) ||
    // Of what lies in folders of its own: ComfyUI, its nodes, llama.cpp.
    (path.startsWith("opt/") && !path.includes("site-packages/") && licenceFile.test(path))
  );
}

/** As much of such a file as is read: of a licence the beginning, of a record its fields. */
export function tellingPart(path: string, text: string): string {
  if (metadataFile.test(path)) return text.split(/\r?\n\r?\n/)[0] ?? "";
  if (copyrightFile.test(path)) {
    return text
      .split("\n")
      .filter((line) => /^(Format|License):|common-licenses\//.test(line))
      .join("\n");
  }
  return path.startsWith("opt/") ? text.slice(0, 20_000) : text;
}

/** Brings the documents of layers together, lower ones first. */
export function contentsOf(layers: readonly LayerDocuments[]): StageContents {
  const files: Record<string, string> = Object.assign({}, ...layers.map((layer) => layer.files));
  const links: Record<string, string> = Object.assign({}, ...layers.map((layer) => layer.links));
  const copyright = (name: string): string | undefined => {
    const path = `usr/share/doc/${name}/copyright`;
    // Packages of one source share a folder, or the file.
    const shared = links[path]?.split("/").at(-2) ?? links[`usr/share/doc/${name}`]?.split("/").at(-1);
    return files[path] ?? (shared === undefined ? undefined : files[`usr/share/doc/${shared}/copyright`]);
  };
  const withLicence = (each: DebianPackage) => {
    const text = copyright(each.name);
    return { ...each, licence: text === undefined ? undefined : debianLicence(text) };
  };
  return {
    distro: distroOf(files["etc/os-release"] ?? files["usr/lib/os-release"] ?? ""),
    packages: debianPackages(files["var/lib/dpkg/status"] ?? "").map(withLicence),
    wheels: Object.fromEntries(Object.entries(files).flatMap(([path, text]) => wheelEntry(path, text))),
    folders: Object.fromEntries(
      Object.entries(files).flatMap(([path, text]) => {
        const folder = path.startsWith("opt/") ? licenceFile.exec(path)?.[1] : undefined;
        const licence = folder === undefined ? undefined : licenceOfText(text);
        return folder !== undefined && licence ? [[`/${folder}`, licence]] : [];
      }),
    ),
  };
}

function wheelEntry(path: string, text: string): [string, StageContents["wheels"][string]][] {
  if (!metadataFile.test(path)) return [];
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "mi").exec(text)?.[1]?.trim();
  const [name, version] = [field("Name"), field("Version")];
  if (!name || !version) return [];
  return [[`${normaliseName(name)}==${version}`, wheelLicence(text)]];
}
