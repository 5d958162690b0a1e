import type { Bill, Component } from "./component.ts";
import { spdxExpression } from "./licences.ts";
import { debianPurl, imagePurl, programPurl } from "./purl.ts";
import type { StageContents } from "./stage-contents.ts";

/** https://spdx.github.io/spdx-spec/v2.3/package-information/ */
export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly downloadLocation: string;
  readonly filesAnalyzed: false;
  readonly licenseConcluded: "NOASSERTION";
  readonly licenseDeclared: string;
  readonly copyrightText: "NOASSERTION";
  readonly primaryPackagePurpose?: "CONTAINER" | "LIBRARY" | "APPLICATION" | "SOURCE" | "FILE";
  readonly checksums?: readonly { readonly algorithm: "SHA256"; readonly checksumValue: string }[];
  readonly externalRefs?: readonly {
    readonly referenceCategory: "PACKAGE-MANAGER";
    readonly referenceType: "purl";
    readonly referenceLocator: string;
  }[];
  /** Where it lies, what it was made for. */
  readonly comment?: string;
  readonly sourceInfo?: string;
}

const FILES = "Files: ";

/** Where a package's files lie, as its comment says it; nothing where dpkg or the wheel's own record does. */
export function filesOf({ comment = "" }: Pick<SpdxPackage, "comment">): string[] {
  const at = comment.indexOf(FILES);
  return at < 0 ? [] : JSON.parse(comment.slice(at + FILES.length));
}

export const PRODUCT = "SPDXRef-Product";
export const BASE = "SPDXRef-Base";
/** What the names of build tools begin with. */
export const TOOL = "SPDXRef-tool";

/** A package that has no name within the document yet. */
export type Unnamed = Omit<SpdxPackage, "SPDXID"> & { readonly kind: string };

function entry(
  kind: string,
  name: string,
  version: string,
  licence: string | undefined,
  more: Partial<SpdxPackage> & { readonly purl?: string } = {},
): Unnamed {
  const { purl, ...fields } = more;
  return {
    kind,
    name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: licence ?? "NOASSERTION",
    copyrightText: "NOASSERTION",
    ...(purl && {
      externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
    }),
    ...fields,
  };
}

export function debianPackage(each: StageContents["packages"][number], { distro }: StageContents): Unnamed {
  const release = distro ?? { id: "debian", version: "unknown" };
  return entry("deb", each.name, each.version, each.licence, {
    purl: debianPurl(each, release),
    comment: "In the stage system.",
  });
}

export function componentPackage(each: Component, contents: StageContents): Unnamed {
  const { kind, name, version, purl, stage, hashes = [], paths = [], comment } = each;
  // What is installed under another version than planned is not what the plan speaks of.
  const fromFiles = contents.wheels[`${name}==${version}`];
  const licence =
    spdxExpression(each.licence) ?? fromFiles ?? paths.map((path) => contents.folders[path]).find(Boolean);
  const [hash, ...others] = hashes;
  const told = [
    `In the stage ${stage}.`,
    ...(comment ? [comment] : []),
    ...(others.length > 0 ? [`One of these files of the index: ${hashes.join(" ")}.`] : []),
    ...(paths.length > 0 ? [`${FILES}${JSON.stringify(paths)}`] : []),
  ];
  return entry(kind, name, version, licence, {
    purl,
    comment: told.join(" "),
    ...(hash !== undefined && others.length === 0 && { checksums: checksum(hash) }),
    ...(kind === "source" && { primaryPackagePurpose: "SOURCE" as const }),
    ...(kind === "file" && { primaryPackagePurpose: "FILE" as const }),
    ...(each.source && { primaryPackagePurpose: "APPLICATION" as const }),
  });
}

export function sourcePackage(of: Component, { purl, hashes = [] }: NonNullable<Component["source"]>) {
  const [hash, ...others] = hashes;
  const name = `${of.name}-source`;
  const text = {
    // Its address tells where it came from; what scanners would find in it is not all in the image.
    sourceInfo: purl,
    purl: programPurl(name, of.version),
    primaryPackagePurpose: "SOURCE" as const,
    ...(hash !== undefined && others.length === 0 && { checksums: checksum(hash) }),
  };
  return { of, entry: entry("source", name, of.version, undefined, text) };
}

/**
 * Without an address that scanners know: it is in no image, and its faults are none of the image's. One without any address
 * grype looks up by its name, in whichever ecosystem has that.
 */
export function toolPackage({ externalRefs, comment: _, ...tool }: Unnamed): Unnamed {
  const purl = externalRefs?.[0]?.referenceLocator;
  const generic = entry("tool", tool.name, tool.versionInfo, undefined, {
    purl: programPurl(tool.name, tool.versionInfo),
  });
  return {
    ...tool,
    kind: "tool",
    ...(generic.externalRefs && { externalRefs: generic.externalRefs }),
    ...(purl && { sourceInfo: purl }),
  };
}

export function productPackage({ recipe, generation, revision, base }: Bill, digest: string): SpdxPackage {
  const { kind: _, ...rest } = entry("product", recipe, digest, undefined, {
    purl: imagePurl(recipe, digest),
    primaryPackagePurpose: "CONTAINER",
    checksums: checksum(digest),
    comment: base
      ? `For the generation ${generation}${revision ? `, of the revision ${revision}` : ""}.`
      : "Models alone, to be mounted or copied from.",
  });
  return { SPDXID: PRODUCT, ...rest };
}

export function basePackage(base: NonNullable<Bill["base"]>): SpdxPackage {
  const { kind: _, ...rest } = entry("base", base.name, base.digest, undefined, {
    purl: imagePurl(base.name, base.digest),
    primaryPackagePurpose: "CONTAINER",
    checksums: checksum(base.digest),
  });
  return { SPDXID: BASE, ...rest };
}

function checksum(digest: string): NonNullable<SpdxPackage["checksums"]> {
  return [{ algorithm: "SHA256", checksumValue: digest.replace("sha256:", "") }];
}
