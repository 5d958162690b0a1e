import assert from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import {
  differences,
  fileHashes,
  hashOfFile,
  type PlannedBasis,
  stillTrue,
} from "../../../../tools/pulumi/update-basis.ts";
import { writeFile } from "../../../support/layers.ts";
import { temporaryFolder } from "../../support/folder.ts";

test("what an update reads of a clone is told by the name at its top, and nothing else is", (t) => {
  const root = temporaryFolder(t);
  const home = join(root, "data/home");
  for (const path of [
    "index.ts",
    "Pulumi.dev.yaml",
    "lib/a/b.ts",
    "layers/torch/Dockerfile",
    "locks/nodes.json",
    "data/home/state.json",
    "data/x",
  ])
    writeFile(root, path, path);
  const before = fileHashes(root, home);
  const changes = (): string[] => differences(before, fileHashes(root, home));
  assert.deepEqual(Object.keys(before).sort(), [
    "Pulumi.dev.yaml",
    "data",
    "index.ts",
    "layers",
    "lib",
    "locks",
  ]);

  for (const path of [
    "docs/glossary.md",
    "tests/x.ts",
    ".git/HEAD",
    "README.md",
    "node_modules/a/b",
    "data/home/y",
  ])
    writeFile(root, path, path);
  writeFile(root, "lib/__pycache__/a.pyc", "");
  rmSync(join(root, "lib/__pycache__"), { recursive: true });
  assert.deepEqual(changes(), []);

  writeFile(root, "lib/a/b.ts", "other");
  assert.deepEqual(changes(), ["lib"]);
  writeFile(root, "lib/a/b.ts", "lib/a/b.ts");
  assert.deepEqual(changes(), []);

  chmodSync(join(root, "layers/torch/Dockerfile"), 0o755);
  writeFile(root, "Pulumi.ada.yaml", "");
  assert.deepEqual(changes(), ["Pulumi.ada.yaml", "layers"]);
  chmodSync(join(root, "layers/torch/Dockerfile"), 0o644);
  unlinkSync(join(root, "Pulumi.ada.yaml"));

  // The same bytes under another name, in another place, and behind a link.
  renameSync(join(root, "lib/a/b.ts"), join(root, "lib/a/c.ts"));
  assert.deepEqual(changes(), ["lib"]);
  renameSync(join(root, "lib/a/c.ts"), join(root, "lib/a/b.ts"));
  mkdirSync(join(root, "lib/empty"));
  assert.deepEqual(changes(), ["lib"]);
  rmSync(join(root, "lib/empty"), { recursive: true });
  renameSync(join(root, "index.ts"), join(root, "data/home/index.ts"));
  symlinkSync("data/home/index.ts", join(root, "index.ts"));
  assert.deepEqual(changes(), ["index.ts"]);
});

test("a name that one side lacks differs", () => {
  assert.deepEqual(differences({ a: "1", b: "2" }, { a: "1", b: "3", c: "4" }), ["b", "c"]);
  assert.deepEqual(differences({ a: "1", b: "2" }, { b: "2" }), ["a"]);
  assert.deepEqual(differences({}, {}), []);
});

test("a basis stands for the update where setting up has changed nothing; after another tool, service or base it is taken anew", async (t) => {
  const home = homeAt(join(temporaryFolder(t), "home"));
  const files = {
    "the toolchain": home.toolchain,
    "the services": home.services,
    "the base image": home.images,
  };
  const write = (path: string, text: string) => writeFile(home.root, relative(home.root, path), text);
  for (const path of Object.values(files)) write(path, "one");
  const hashes = Object.entries(files).map(async ([name, path]) => [name, await hashOfFile(path)] as const);
  const basis = { "index.ts": "x", ...Object.fromEntries(await Promise.all(hashes)) };
  const taken = { basis, planned: {} } as unknown as PlannedBasis;
  assert.equal(await stillTrue(home, taken), taken);
  for (const path of Object.values(files)) {
    write(path, "other");
    assert.equal(await stillTrue(home, taken), undefined, path);
    write(path, "one");
  }
  assert.equal(await stillTrue(home, taken), taken);
  assert.equal(await stillTrue(home, undefined), undefined);
});
