import assert from "node:assert/strict";
import { test } from "node:test";
import { licenceClass } from "../../../../lib/bill/licence-classes.ts";
import { debianLicence, licenceOfText, wheelLicence } from "../../../../lib/bill/licence-files.ts";
import { spdxExpression } from "../../../../lib/bill/licences.ts";

test("a licence's words become SPDX where they mean one alone, and stay words where not", () => {
  const expected: Record<string, string | undefined> = {
    MIT: "MIT",
    "mit license": "MIT",
    "Apache License 2.0": "Apache-2.0",
    "Apache-2.0 OR BSD-3-Clause": "Apache-2.0 OR BSD-3-Clause",
    "(mit or apache-2.0) and bsd-3-clause": "(MIT OR Apache-2.0) AND BSD-3-Clause",
    "GPL-2.0-only WITH Linux-syscall-note": "LicenseRef-GPL-2.0-only-WITH-Linux-syscall-note",
    BSD: "LicenseRef-BSD",
    "MIT and friends": "LicenseRef-MIT-and-friends",
    "LicenseRef-NVIDIA-Proprietary": "LicenseRef-NVIDIA-Proprietary",
    "": undefined,
    UNKNOWN: undefined,
  };
  for (const [stated, expression] of Object.entries(expected))
    assert.equal(spdxExpression(stated), expression, stated);
  assert.equal(spdxExpression(null), undefined);
});

test("of a wheel the expression counts before a line that is known, that before classifiers", () => {
  const head = "Metadata-Version: 2.4\nName: a\n";
  assert.equal(
    wheelLicence(`${head}License-Expression: MIT AND Zlib\nLicense: BSD\n\nLicense: GPL`),
    "MIT AND Zlib",
  );
  assert.equal(
    wheelLicence(`${head}License: Apache 2.0\nClassifier: License :: OSI Approved :: MIT License\n`),
    "Apache-2.0",
  );
  assert.equal(
    wheelLicence(`${head}License: see LICENSE\nClassifier: License :: OSI Approved :: MIT License\n`),
    "MIT",
  );
  assert.equal(wheelLicence(`${head}License: see LICENSE\n`), "LicenseRef-see-LICENSE");
  assert.equal(wheelLicence(head), undefined);
});

test("of a Debian package its fields count, else what it points at", () => {
  const dep5 =
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nLicense: GPL-2+\nLicense: Expat or GPL-3\n";
  assert.equal(debianLicence(dep5), "GPL-2.0-or-later AND (MIT OR GPL-3.0-only)");
  assert.equal(debianLicence("see /usr/share/common-licenses/GPL-2."), "LicenseRef-Debian-GPL-2");
  assert.equal(debianLicence("mine"), undefined);
});

test("a licence's text is known by its title or its words", () => {
  assert.equal(licenceOfText("   GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007"), "GPL-3.0-only");
  assert.equal(
    licenceOfText(
      "Copyright\n\nPermission is hereby granted, free of charge, to any person obtaining a copy",
    ),
    "MIT",
  );
  assert.equal(licenceOfText("My own terms\n…"), "LicenseRef-My-own-terms");
});

test("classes: the strictest of what holds together, the mildest of a choice; what is unknown hides nothing", () => {
  const expected: Record<string, string> = {
    "MIT AND BSD-3-Clause": "permissive",
    "MIT OR GPL-3.0-only": "permissive",
    "MIT AND (LGPL-2.1-only OR GPL-3.0-only)": "weak copyleft",
    "GPL-3.0-or-later AND LicenseRef-odd": "copyleft",
    "LicenseRef-Debian-GPL-2": "copyleft",
    "LicenseRef-NVIDIA-Proprietary": "restricted",
    "CC-BY-NC-4.0": "restricted",
    "LicenseRef-odd": "unknown",
    NOASSERTION: "unknown",
  };
  for (const [expression, kind] of Object.entries(expected))
    assert.equal(licenceClass(expression), kind, expression);
});
