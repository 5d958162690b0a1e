import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenVersion, isSpecifier, parseRequirement } from "../../../../lib/locks/requirement.ts";

test("a requirement comes apart into name, versions and marker", () => {
  for (const [line, name, specifier, marker] of [
    ["six", "six", "", ""],
    [" Cuda_Toolkit [nvcc, cudart] == 13.0.2 ", "Cuda_Toolkit", "== 13.0.2", ""],
    ["numpy>=1.2,<2;python_version<'3.9'", "numpy", ">=1.2,<2", "python_version<'3.9'"],
    ["a.b-c (>=1!2.0rc1,) ; extra == 'x;y'", "a.b-c", ">=1!2.0rc1", "extra == 'x;y'"],
    ["packaging   >=23", "packaging", ">=23", ""],
    ["torch ; sys_platform == 'linux'", "torch", "", "sys_platform == 'linux'"],
  ] as const) {
    const parts = parseRequirement(line);
    assert.deepEqual([parts?.name, parts?.specifier, parts?.marker], [name, specifier, marker], line);
  }
  for (const line of ["", "==1", "[x]", "./folder", ";marker"])
    assert.equal(parseRequirement(line), undefined);
});

test("what follows name and extras is kept as it is written", () => {
  assert.equal(parseRequirement("opencv-python[a] >= 4 ; x")?.rest, " >= 4 ; x");
  assert.equal(parseRequirement("six")?.rest, "");
});

test("specifiers are those of PEP 440: epochs, pre-releases, local versions, any text after ===", () => {
  for (const good of [
    "",
    ">=1!2.0",
    "<2.0rc1",
    "==2.1.0+cu118",
    "==1.*",
    "~=1.2",
    ">=1.0.dev0 , <2",
    "===2024a",
  ]) {
    assert.ok(isSpecifier(good), good);
  }
  for (const bad of ["=1.2", ">=1 <2", "world", "1.0", "~=1", "<two"]) assert.ok(!isSpecifier(bad), bad);
});

test("of several versions the one that is none is named", () => {
  assert.equal(brokenVersion("foo>=0.1, ==0.20.x ; os_name == 'nt'"), "==0.20.x");
  assert.equal(brokenVersion("six>=1 <2"), ">=1 <2");
  for (const good of [
    "six",
    "six>=1,<2",
    "six (>=1,)",
    "six @ https://example.com/six.whl",
    "??",
    "six latest",
  ])
    assert.equal(brokenVersion(good), undefined, good);
});
