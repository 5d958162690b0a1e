import { allOf, knownLicence, licenceRef, spdxExpression } from "./licences.ts";

/** What a wheel's METADATA says: the expression of PEP 639, else its classifiers, else a licence in a line. */
export function wheelLicence(metadata: string): string | undefined {
  const [header = ""] = metadata.replaceAll("\r\n", "\n").split("\n\n");
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "mi").exec(header)?.[1]?.trim();
  const expression = field("License-Expression");
  if (expression) return spdxExpression(expression);
  const classified = [...header.matchAll(/^Classifier: License :: (?:OSI Approved :: )?(.+)$/gim)]
    .map(([, name = ""]) => name.trim())
    .filter((name) => name !== "OSI Approved");
  const stated = spdxExpression(field("License"));
  // Classifiers say less than a line that names a known licence: "BSD License" is a family.
  if (stated && !stated.startsWith("LicenseRef-")) return stated;
  const fromClassifiers = [...new Set(classified.flatMap((name) => spdxExpression(name) ?? []))];
  if (fromClassifiers.length > 0) return allOf(fromClassifiers);
  return stated;
}

/** What a package's /usr/share/doc/…/copyright says: its fields (DEP-5), else the common licences that it points at. */
export function debianLicence(copyright: string): string | undefined {
  const named = /^Format: .*copyright-format/m.test(copyright)
    ? [...copyright.matchAll(/^License: *(\S.*)$/gm)].map(([, name = ""]) => dep5Licence(name))
    : [...copyright.matchAll(/common-licenses\/([A-Za-z]+(?:-[0-9.]*[0-9])?)/g)].map(([, name = ""]) =>
        licenceRef(`Debian-${name}`),
      );
  return named.length > 0 ? allOf(named) : undefined;
}

/** `GPL-2+ with OpenSSL exception` and `Expat or GPL-3`: Debian's own short names. */
function dep5Licence(name: string): string {
  const parts = name.split(/,? +(or|and) +/i);
  return parts.map((part, index) => (index % 2 === 1 ? part.toUpperCase() : dep5Name(part))).join(" ");
}

function dep5Name(name: string): string {
  const gnu = /^(A?GPL|LGPL)-(\d+)(?:\.(\d))?(\+?)$/.exec(name.trim());
  if (gnu) {
    const id = `${gnu[1]}-${gnu[2]}.${gnu[3] ?? 0}-${gnu[4] ? "or-later" : "only"}`;
    return knownLicence(id) ?? licenceRef(`Debian-${name}`);
  }
  return knownLicence(name.trim()) ?? licenceRef(`Debian-${name}`);
}

/** Titles of licences as their texts begin. */
const titles: readonly (readonly [RegExp, string])[] = [
  [/GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3/i, "AGPL-3.0-only"],
  [/GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3/i, "LGPL-3.0-only"],
  [/GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1/i, "LGPL-2.1-only"],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 3/i, "GPL-3.0-only"],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 2/i, "GPL-2.0-only"],
  [/Apache License\s+Version 2\.0/i, "Apache-2.0"],
  [/Mozilla Public License Version 2\.0/i, "MPL-2.0"],
  [/Attribution-NonCommercial-ShareAlike 4\.0/i, "CC-BY-NC-SA-4.0"],
  [/Attribution-NonCommercial 4\.0/i, "CC-BY-NC-4.0"],
  [/This is free and unencumbered software released into the public domain/i, "Unlicense"],
  [/Permission is hereby granted, free of charge, to any person obtaining a copy/i, "MIT"],
  [/Neither the name of[\s\S]*may be used to endorse/i, "BSD-3-Clause"],
  [/Redistributions of source code must retain[\s\S]*Redistributions in binary form/i, "BSD-2-Clause"],
];

/** The licence whose text this is; a LicenseRef of its first line where that is none of the usual ones. */
export function licenceOfText(text: string): string | undefined {
  const known = titles.find(([title]) => title.test(text))?.[1];
  if (known) return known;
  const first = text.split("\n").find((line) => line.trim() !== "");
  return first ? licenceRef(first.trim()) : undefined;
}
