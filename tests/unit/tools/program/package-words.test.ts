/** Texts are written for a clone; where strata is a package, they name what is there. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { commandWords, inPackageWords } from "../../../../tools/program/package-words.ts";

const words: Readonly<Record<string, string>> = {
  "Run `npm run lock -- python`, or choose": "Run `npx strata lock python`, or choose",
  "Usage: npm run preview -- [--stack NAME]...": "Usage: npx strata preview [--stack NAME]...",
  "npm run reaper removes it": "npx strata reaper removes it",
  "npm run --silent preview -- --json": "npx strata preview --json",
  "`make up STACK=ada` builds": "`npx strata up --stack ada` builds",
  "Test again: make up RETEST=1.": "Test again: npx strata up --retest.",
  "make stage LAYER=torch STACK=ada": "npx strata stage --layer torch --stack ada",
  "Look at it: make shell COMMAND='/opt/venv/bin/python3 -V'":
    "Look at it: npx strata shell --command '/opt/venv/bin/python3 -V'",
  "make up RECIPE=a.ts GENERATION=ada": "STRATA_RECIPE=a.ts STRATA_GENERATION=ada npx strata up",
  "make run ARGS='-- -v /a:/b'": "npx strata run -- -v /a:/b",
  "restart it: `make down`, `make up`.": "restart it: `npx strata down`, `npx strata up`.",
  "lists make updates slow; make sure": "lists make updates slow; make sure",
};

for (const [text, told] of Object.entries(words))
  test(text, () => {
    assert.equal(inPackageWords(text), told);
    assert.equal(commandWords(text), text);
  });

test("what sources say of commands is understood in full", () => {
  const files = globSync("{components,config,lib,oci,recipes,tools}{/**/*,}.ts", { cwd: repository });
  const left = files
    .filter(
      (path) =>
        !/^tools\/(lint|mutants|package)\/|commands\/(mutants|package|test)\.ts$|package-words/.test(path),
    )
    .flatMap((path) => {
      const text = readFileSync(join(repository, path), "utf8").replaceAll(/^\s*(\/?\*|\/\/).*$/gm, "");
      return [...inPackageWords(text).matchAll(/npm run|`make [a-z-]+|\bmake [a-z-]+ [A-Z]+=/g)].map(
        ([found]) => `${path}: ${found}`,
      );
    });
  assert.deepEqual(left, []);
});
