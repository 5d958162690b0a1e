import deprecatedIds from "spdx-license-ids/deprecated.json" with { type: "json" };
import knownIds from "spdx-license-ids/index.json" with { type: "json" };

/**
 * Licences as SPDX names them: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/. What is not known for sure
 * keeps its own words, as a LicenseRef.
 */

const byLowerCase = new Map([...knownIds, ...deprecatedIds].map((id) => [id.toLowerCase(), id]));

/** What people write for a licence and can mean one alone. */
const words: Readonly<Record<string, string>> = {
  "apache 2": "Apache-2.0",
  "apache 2.0": "Apache-2.0",
  "apache license 2.0": "Apache-2.0",
  "apache license v2.0": "Apache-2.0",
  "apache license, version 2.0": "Apache-2.0",
  "apache license version 2.0": "Apache-2.0",
  "apache-2": "Apache-2.0",
  "apache2.0": "Apache-2.0",
  "apache v2": "Apache-2.0",
  apache2: "Apache-2.0",
  artistic: "Artistic-1.0-Perl",
  boost: "BSL-1.0",
  "bsd 2-clause": "BSD-2-Clause",
  "bsd 3-clause": "BSD-3-Clause",
  "bsd 3-clause license": "BSD-3-Clause",
  "3-clause bsd license": "BSD-3-Clause",
  "new bsd": "BSD-3-Clause",
  "new bsd license": "BSD-3-Clause",
  "modified bsd": "BSD-3-Clause",
  expat: "MIT",
  "isc license": "ISC",
  "isc license (iscl)": "ISC",
  "mit license": "MIT",
  "the mit license": "MIT",
  "mit-cmu": "MIT-CMU",
  "mozilla public license 2.0": "MPL-2.0",
  "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
  "openldap-2.8": "OLDAP-2.8",
  psf: "PSF-2.0",
  "psf license": "PSF-2.0",
  "python software foundation license": "PSF-2.0",
  "the unlicense (unlicense)": "Unlicense",
  "zlib/libpng license": "Zlib",
  "zope public license": "ZPL-2.1",
  "gnu affero general public license v3": "AGPL-3.0-only",
  "gnu general public license v2 (gplv2)": "GPL-2.0-only",
  "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
  "gnu general public license v3 (gplv3)": "GPL-3.0-only",
  "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
  gplv3: "GPL-3.0-only",
  "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
  "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
  "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
};

const operators = new Set(["AND", "OR", "WITH", "(", ")"]);

/**
 * The SPDX expression for what a source says of its licence; a LicenseRef with its words where that is not one that is
 * known, undefined where it says nothing.
 */
export function spdxExpression(stated: string | null | undefined): string | undefined {
  const text = stated?.trim().replace(/\s+/g, " ") ?? "";
  if (text === "" || /^(unknown|none|n\/a|noassertion|other)$/i.test(text)) return undefined;
  const whole = knownLicence(text) ?? (isReference(text) ? text : undefined);
  if (whole) return whole;
  const tokens = text
    .replace(/[()]/g, " $& ")
    .trim()
    .split(" ")
    .filter((token) => token !== "")
    .map((token) => (/^(and|or|with)$/i.test(token) ? token.toUpperCase() : token));
  // Only what reads as an expression throughout is one: "MIT and friends" is somebody's own words.
  const known = tokens.map((token, index) => {
    if (operators.has(token)) return token;
    if (tokens[index - 1] === "WITH")
      return /^[A-Za-z0-9.-]+-exception[A-Za-z0-9.-]*$/.test(token) ? token : undefined;
    return knownLicence(token) ?? (isReference(token) ? token : undefined);
  });
  if (tokens.some((token) => operators.has(token)) && !known.includes(undefined) && isBalanced(tokens)) {
    return known.join(" ").replaceAll("( ", "(").replaceAll(" )", ")");
  }
  return licenceRef(text);
}

/** A name that a source gave to a licence itself. */
function isReference(text: string): boolean {
  return /^LicenseRef-[A-Za-z0-9.-]+$/.test(text);
}

function isBalanced(tokens: readonly string[]): boolean {
  let depth = 0;
  let wantsLicence = true;
  for (const token of tokens) {
    const opens = token === "(";
    if (wantsLicence !== (opens || !operators.has(token))) return false;
    if (opens) depth++;
    else if (token === ")") depth--;
    else wantsLicence = operators.has(token);
    if (depth < 0) return false;
  }
  return depth === 0 && !wantsLicence;
}

/** The one licence that these words mean; undefined where they may mean another. */
export function knownLicence(text: string): string | undefined {
  return byLowerCase.get(text.toLowerCase()) ?? words[text.toLowerCase()];
}

/** A name for a licence that has none at SPDX; the words are kept beside it. */
export function licenceRef(text: string): string {
  const name = text
    .slice(0, 60)
    .replace(/[^A-Za-z0-9.]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return `LicenseRef-${name || "unnamed"}`;
}

/** All of them hold. */
export function allOf(expressions: readonly string[]): string {
  const unique = [...new Set(expressions)].sort();
  return unique.length > 1
    ? unique.map((each) => (/ (OR|AND) /.test(each) ? `(${each})` : each)).join(" AND ")
    : (unique[0] ?? "NOASSERTION");
}
