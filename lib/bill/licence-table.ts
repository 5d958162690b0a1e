import { type LicenceClass, licenceClass, licenceClasses } from "./licence-classes.ts";
import type { SpdxDocument } from "./spdx-document.ts";

/** Components of one licence. */
export interface LicenceLine {
  readonly licence: string;
  readonly class: LicenceClass;
  /** `name version`, sorted. */
  readonly components: readonly string[];
}

/** What is in an image by licence, the strictest first; what only builds is left out. */
export function licenceLines({ packages, relationships }: SpdxDocument): LicenceLine[] {
  const contained = new Set(
    relationships
      .filter(({ relationshipType }) => relationshipType === "CONTAINS")
      .map(({ relatedSpdxElement }) => relatedSpdxElement),
  );
  const byLicence = Map.groupBy(
    packages.filter(({ SPDXID }) => contained.has(SPDXID)),
    ({ licenseDeclared }) => licenseDeclared,
  );
  return [...byLicence]
    .map(([licence, members]) => ({
      licence,
      class: licenceClass(licence),
      components: members.map(({ name, versionInfo }) => `${name} ${versionInfo}`).sort(),
    }))
    .sort(
      (a, b) =>
        licenceClasses.indexOf(b.class) - licenceClasses.indexOf(a.class) || (a.licence < b.licence ? -1 : 1),
    );
}
