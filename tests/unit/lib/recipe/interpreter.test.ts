import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { parseSourceLock } from "../../../../lib/locks/source-lock.ts";
import { interpreterPin, interpreterProblems } from "../../../../lib/recipe/interpreter.ts";
import { sampleLayer } from "../../../support/layers.ts";

const sources = parseSourceLock(readFileSync(join(repository, "locks/sources.json"), "utf8"));
const base = { name: "debian-bookworm", reference: "base@sha256:x", python: "3.11" };
const given = { recipe: { layers: [sampleLayer("cpython")] }, base, sources };
const archive = { url: "https://example.org/cpython.tar.gz", sha256: "a".repeat(64), version: "3.12.9" };

test("the base's own Python needs no other; any other is pinned as the lock has it", () => {
  assert.deepEqual(interpreterPin({ python: "3.11", mirrors: {} }, given), {});
  const standalone = interpreterPin({ python: "3.12", mirrors: {} }, given).cpython;
  assert.equal(standalone?.kind, "standalone");
  assert.match(
    standalone?.url ?? "",
    /cpython-3\.12\.\d+%2B\d+-x86_64-unknown-linux-gnu-install_only_stripped\./,
  );
  const source = interpreterPin({ python: "3.14t", cpython: { from: "source" }, mirrors: {} }, given).cpython;
  assert.equal(source?.kind, "source");
  assert.equal(source?.package, "python3.14");
  assert.match(source?.url ?? "", /\/Python-3\.14\.\d+\.tar\.xz$/);
});

test("mirrors hold for interpreters, and a stack may bring an archive of its own", () => {
  const mirrors = { "https://example.org/": "https://mirror.example.com/" };
  const { cpython } = interpreterPin({ python: "3.12", cpython: archive, mirrors }, given);
  assert.deepEqual(cpython, {
    ...archive,
    kind: "standalone",
    url: "https://mirror.example.com/cpython.tar.gz",
  });
});

test("what cannot be had is told with what can", () => {
  const told = (choices: Partial<Parameters<typeof interpreterProblems>[0]>, layers = given.recipe.layers) =>
    interpreterProblems({ python: "3.12", mirrors: {}, ...choices }, { ...given, recipe: { layers } }).map(
      ({ message }) => message,
    );
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ python: "3.11" }, []), []);
  assert.match(told({}, [])[0] ?? "", /no layer cpython, .* brings Python 3\.11, not 3\.12/);
  const [other = ""] = told({ python: "3.11", cpython: { from: "source" } });
  assert.equal(other, "");
  const trixie = { ...given, base: { ...base, python: "3.13" } };
  const [unknown = ""] = interpreterProblems(
    { python: "3.11", cpython: { from: "source" }, mirrors: {} },
    trixie,
  ).map(({ message }) => message);
  assert.match(unknown, /has no source of CPython 3\.11\. Set it to \{"from": "standalone"\}/);
  const [wrong = ""] = told({ python: "3.14", cpython: archive });
  assert.match(wrong, /is CPython 3\.12\.9, and strata:python asks for 3\.14\./);
});

test("an interpreter for each version that a stack can ask for, each with who vouches for it", () => {
  for (const [python, { standalone, source }] of Object.entries(sources.cpython)) {
    const wanted = `${python.replace("t", "")}.`;
    for (const known of [standalone, source]) assert.ok(known?.version.startsWith(wanted) ?? true, python);
    assert.equal(standalone?.url.includes("freethreaded"), python.endsWith("t"), python);
  }
});
