/** What the package gives to others: each name is kept until a version says otherwise. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { repository } from "../../home.ts";
import * as exported from "../../public.ts";

const values = [
  "LayeredImage",
  "Promotion",
  "SmokeTest",
  "UserError",
  "extendRecipe",
  "filesLayer",
  "megapak",
  "node",
  "openImageRegistry",
  "planImage",
  "starter",
  "studio",
  "wan22",
];
const types = [
  "BuildSettings",
  "BuiltStage",
  "CustomNode",
  "Extension",
  "ImageSettings",
  "Layer",
  "LayerContext",
  "LayeredImageArgs",
  "PlannedImage",
  "PromotionArgs",
  "PromotionTerms",
  "Recipe",
  "Registry",
  "SmokeTestArgs",
];
const read = (path: string) => readFileSync(join(repository, path), "utf8");

/** The names in the export lists of a file, and whether it does anything else. */
function exportLists(text: string): { names: string[]; others: number } {
  const { statements } = ts.createSourceFile("x.ts", text, ts.ScriptTarget.Latest, true);
  const lists = statements.flatMap((each) =>
    ts.isExportDeclaration(each) && each.exportClause && ts.isNamedExports(each.exportClause)
      ? [each.exportClause]
      : [],
  );
  const names = lists.flatMap(({ elements }) => elements.map(({ name }) => name.text));
  return { names, others: statements.length - lists.length };
}

test("the package exports these names, and no other", () => {
  assert.deepEqual(Object.keys(exported).sort(), values);
  const { names, others } = exportLists(read("public.ts"));
  assert.deepEqual(names.sort(), [...values, ...types].sort());
  // `export *` would add what nobody decided on.
  assert.equal(others, 0);
});

test("docs/package.md has a row for each name, and no other", () => {
  const table = read("docs/package.md").match(/^\| name[\s\S]*?\n\n/m)?.[0] ?? "";
  const named = [...table.matchAll(/^\| ([^|]*)\|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  assert.deepEqual(named.sort(), [...values, ...types, "strata/program"].sort());
});

test("package.json opens two entries, and a program only where it is meant", () => {
  const { exports, bin, peerDependencies, dependencies } = JSON.parse(read("package.json"));
  assert.deepEqual(Object.keys(exports), [".", "./program", "./package.json"]);
  assert.deepEqual(Object.keys(bin), ["strata"]);
  // One copy of the SDK: never a dependency of its own.
  assert.ok("@pulumi/pulumi" in peerDependencies && !("@pulumi/pulumi" in dependencies));
});
