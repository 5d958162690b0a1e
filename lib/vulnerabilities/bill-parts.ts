import { PackageURL } from "packageurl-js";
import type { Component } from "../bill/component.ts";
import type { SpdxDocument } from "../bill/spdx-document.ts";
import { BASE, PRODUCT, type SpdxPackage, TOOL } from "../bill/spdx-package.ts";
import { normaliseName } from "../locks/python-lock.ts";
import { lockedDistribution, type PlannedStageFiles } from "./locked-distribution.ts";

/** What of an image can be asked about, by its bill of materials or its plan. */
export interface BilledPart {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** null: no database tells of such things: a model, a program that a stage makes. */
  readonly question: OsvQuestion | null;
}

/** What OSV is asked: a package of an ecosystem at a version, or a commit of a repository. */
export type OsvQuestion =
  | {
      readonly kind: "package";
      readonly ecosystem: string;
      readonly name: string;
      readonly version: string;
      /** The address, where OSV knows the ecosystem by it. */
      readonly purl?: string;
    }
  | { readonly kind: "commit"; readonly name: string; readonly commit: string };

/** The parts of a bill of materials; build tools are in no image. */
export function partsOfDocument({ packages }: Pick<SpdxDocument, "packages">): BilledPart[] {
  return distinct(
    packages
      .filter(({ SPDXID }) => SPDXID !== PRODUCT && SPDXID !== BASE && !SPDXID.startsWith(`${TOOL}-`))
      .flatMap((each) => {
        const purl = addressOf(each);
        return purl ? [partAt(each.name, each.versionInfo, purl)] : [];
      }),
  );
}

/** What of a plan tells what its product is made of; an older revision's says nothing. */
export interface PlannedProduct {
  readonly components?: readonly Component[];
  readonly product: { readonly parents: readonly string[] };
  readonly stages?: readonly PlannedStageFiles[];
}

/** The parts that a plan knows before anything is built: all but the packages that the base image brings. */
export function partsOfPlan({ components = [], product, stages = [] }: PlannedProduct): BilledPart[] {
  return distinct([
    ...lockedDistribution(stages).map(({ name, version, purl }) => partAt(name, version, purl)),
    ...components
      .filter(({ kind, stage }) => kind !== "tool" && product.parents.includes(stage))
      .flatMap(({ name, version, purl, source }) => [
        partAt(name, version, purl),
        ...(source ? [partAt(`${name}-source`, version, source.purl)] : []),
      ]),
  ]);
}

/** Whether a part is a package of the image's distribution. */
export function isOfDistribution({ purl }: BilledPart): boolean {
  return purl.startsWith("pkg:deb/");
}

/** What questions are compared by: the same package at another version is another question. */
export function questionKey(question: OsvQuestion): string {
  return question.kind === "commit"
    ? `commit ${question.commit}`
    : `${question.ecosystem} ${question.name} ${question.version}`;
}

/** What a question is about, whatever its version. */
export function askedAbout(question: OsvQuestion): string {
  return question.kind === "commit" ? `git ${question.name}` : `${question.ecosystem} ${question.name}`;
}

/** What a program was compiled from counts too: its source is in the image in another form. */
function addressOf({ SPDXID, externalRefs, sourceInfo }: SpdxPackage): string | undefined {
  if (SPDXID.startsWith("SPDXRef-source-") && sourceInfo) return sourceInfo;
  return externalRefs?.find(({ referenceType }) => referenceType === "purl")?.referenceLocator;
}

function partAt(name: string, version: string, purl: string): BilledPart {
  return { name, version, purl, question: questionOf(purl) };
}

function questionOf(address: string): OsvQuestion | null {
  const purl = parsed(address);
  if (!purl?.version) return null;
  const { type, namespace, name, version } = purl;
  switch (type) {
    case "deb":
      return debianQuestion(purl);
    case "pypi": {
      // A local label (+cu130) says how it was built: what is told of the version holds for it.
      const release = version.replace(/\+.*$/, "");
      const plain = normaliseName(name);
      return {
        kind: "package",
        ecosystem: "PyPI",
        name: plain,
        version: release,
        purl: new PackageURL("pypi", null, plain, release, null, null).toString(),
      };
    }
    case "golang": {
      const module = namespace ? `${namespace}/${name}` : name;
      return { kind: "package", ecosystem: "Go", name: module, version: version.replace(/^v/, "") };
    }
    case "github":
      return commitQuestion(`${namespace}/${name}`, version);
    case "generic":
      return typeof purl.qualifiers?.vcs_url === "string" ? commitQuestion(name, version) : null;
    default:
      return null;
  }
}

/** One that is no commit makes OSV refuse all questions beside it. */
function commitQuestion(name: string, commit: string): OsvQuestion | null {
  return /^[0-9a-f]{40}$/.test(commit) ? { kind: "commit", name, commit } : null;
}

/** Advisories of distributions speak of source packages, and of releases. */
function debianQuestion({ name, version = "", qualifiers }: PackageURL): OsvQuestion | null {
  const ecosystem = ecosystemOf(String(qualifiers?.distro ?? ""));
  if (ecosystem === null) return null;
  const [source = name, sourceVersion = version] = String(qualifiers?.upstream ?? name).split("@");
  return { kind: "package", ecosystem, name: source, version: sourceVersion };
}

/** `debian-12` is `Debian:12`; a release that OSV does not have is an error there, for the whole batch. */
function ecosystemOf(distro: string): string | null {
  const debian = /^debian-(\d+)(?:\.\d+)*$/.exec(distro)?.[1];
  if (debian) return `Debian:${debian}`;
  const [, ubuntu, year] = /^ubuntu-((\d+)\.\d+)$/.exec(distro) ?? [];
  if (!ubuntu) return null;
  return Number(year) % 2 === 0 && ubuntu.endsWith(".04") ? `Ubuntu:${ubuntu}:LTS` : `Ubuntu:${ubuntu}`;
}

function parsed(address: string): PackageURL | undefined {
  try {
    return PackageURL.fromString(address);
  } catch {
    return undefined;
  }
}

/** An image may have the same wheel in two environments. */
function distinct(parts: readonly BilledPart[]): BilledPart[] {
  return [...new Map(parts.map((part) => [`${part.name} ${part.purl}`, part])).values()];
}
