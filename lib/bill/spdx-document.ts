import { canonicalJson } from "../canonical-json.ts";
import type { Bill, Component } from "./component.ts";
import {
  BASE,
  basePackage,
  componentPackage,
  debianPackage,
  PRODUCT,
  productPackage,
  type SpdxPackage,
  sourcePackage,
  toolPackage,
  type Unnamed,
} from "./spdx-package.ts";
import type { StageContents } from "./stage-contents.ts";

/** SPDX 2.3 as far as strata writes it: https://spdx.github.io/spdx-spec/v2.3/ */
export interface SpdxDocument {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
  readonly hasExtractedLicensingInfos: readonly {
    readonly licenseId: string;
    readonly extractedText: string;
  }[];
}

interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: "DESCRIBES" | "CONTAINS" | "BUILD_TOOL_OF" | "GENERATED_FROM" | "DESCENDANT_OF";
  readonly relatedSpdxElement: string;
}

/** What a bill of materials is made of. */
export interface BillSources {
  readonly bill: Bill;
  /** `sha256:…` of the product. */
  readonly digest: string;
  /** What the files of the product's stages say. */
  readonly contents: StageContents;
  /** What those of the build's tools say: compilers among them. */
  readonly tools: StageContents;
}

/** Packages of the distribution that compile or link: what is to be known of a build, beside its locked tools. */
const compilers =
  /^(?:gcc|g\+\+|cpp|binutils|ccache|make|cmake|ninja-build|libc6-dev|libstdc\+\+-[0-9]+-dev|python3[0-9.]*-dev)(?:$|-[0-9])/;

/**
 * The bill of materials of a product. The same product gives the same bytes: its time is the product's, and nothing in it
 * depends on where the image lies.
 */
export function spdxDocument({ bill, digest, contents, tools }: BillSources): SpdxDocument {
  const ids = new Set<string>();
  const inside = [
    ...contents.packages.map((each) => debianPackage(each, contents)),
    ...bill.components.filter(({ kind }) => kind !== "tool").map((each) => componentPackage(each, contents)),
  ].map((each) => withId(each, ids));
  const buildTools = [
    ...tools.packages
      .filter(({ name }) => compilers.test(name))
      .map((each) => toolPackage(debianPackage(each, tools))),
    ...bill.components
      .filter(({ kind }) => kind === "tool")
      .map((each) => toolPackage(componentPackage(each, tools))),
  ].map((each) => withId(each, ids));
  const sources = bill.components.flatMap((each) => (each.source ? [sourcePackage(each, each.source)] : []));
  const named = sources.map(({ of, entry }) => ({ of, entry: withId(entry, ids) }));
  const packages = [
    productPackage(bill, digest),
    ...(bill.base ? [basePackage(bill.base)] : []),
    ...inside,
    ...named.map(({ entry }) => entry),
    ...buildTools,
  ];
  const relate = (
    from: string,
    type: SpdxRelationship["relationshipType"],
    to: string,
  ): SpdxRelationship => ({
    spdxElementId: from,
    relationshipType: type,
    relatedSpdxElement: to,
  });
  const idOf = ({ name, version }: Component) =>
    inside.find((each) => each.name === name && each.versionInfo === version)?.SPDXID ?? PRODUCT;
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${bill.recipe}-${bill.generation}`,
    documentNamespace: `https://spdx.org/spdxdocs/strata-${bill.recipe}-${digest.replace("sha256:", "")}`,
    creationInfo: { created: bill.created.replace(/\.\d+Z$/, "Z"), creators: ["Tool: strata"] },
    packages,
    relationships: [
      relate("SPDXRef-DOCUMENT", "DESCRIBES", PRODUCT),
      ...(bill.base ? [relate(PRODUCT, "DESCENDANT_OF", BASE)] : []),
      ...inside.map(({ SPDXID }) => relate(PRODUCT, "CONTAINS", SPDXID)),
      ...named.map(({ of, entry }) => relate(idOf(of), "GENERATED_FROM", entry.SPDXID)),
      ...buildTools.map(({ SPDXID }) => relate(SPDXID, "BUILD_TOOL_OF", PRODUCT)),
    ],
    hasExtractedLicensingInfos: licenceTexts(packages),
  };
}

/** The document as it is stored. */
export function spdxText(document: SpdxDocument): string {
  return canonicalJson(document);
}

/** A name of its own within the document. */
function withId({ kind, ...rest }: Unnamed, ids: Set<string>): SpdxPackage {
  const name = `SPDXRef-${kind}-${rest.name}-${rest.versionInfo}`.replace(/[^A-Za-z0-9.-]+/g, "-");
  let id = name;
  for (let number = 2; ids.has(id); number++) id = `${name}-${number}`;
  ids.add(id);
  return { SPDXID: id, ...rest };
}

/** Each licence that SPDX has no name for, by the words of who stated it. */
function licenceTexts(packages: readonly SpdxPackage[]): SpdxDocument["hasExtractedLicensingInfos"] {
  const refs = packages.flatMap(
    ({ licenseDeclared }) => licenseDeclared.match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? [],
  );
  return [...new Set(refs)].sort().map((licenseId) => ({
    licenseId,
    extractedText: licenseId.replace("LicenseRef-", "").replaceAll("-", " "),
  }));
}
