/** The five workflows run, each by its event, on this machine: against a GitHub on loopback, with its rights and its answers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startPythonIndex } from "../support/python-index.ts";
import { findPrograms, openGitHub, type Programs, type TestGitHub } from "./support/github/open.ts";
import {
  branchIsPreviewed,
  everything,
  forkIsPreviewed,
  leaksAreLookedFor,
  locksAreOffered,
  quickCommands,
  released,
  releaseSays,
  stacksAreReleased,
} from "./support/github/scenarios.ts";

const found = await findPrograms();
const skip = found.missing ?? false;
let opened: TestGitHub;
let index: Awaited<ReturnType<typeof startPythonIndex>>;
before(async () => {
  if (skip) return;
  index = await startPythonIndex();
  const environment = { UV_DEFAULT_INDEX: index.address };
  opened = await openGitHub(found as Programs, { ...everything, environment });
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  await index?.stop();
});

test("the preview of a fork becomes its comment, and the fork's code gets hold of nothing", {
  skip,
}, async () => {
  const entrypoint = "layers/runtime/rootfs/opt/strata/runtime/entrypoint";
  const body = await forkIsPreviewed(opened, {}, { [entrypoint]: (text) => `${text}# more\n` });
  assert.match(body, /entrypoint` changed/);
});

test("the preview of a branch of ours asks the backend with the role that may read it", {
  skip,
}, async () => {
  await branchIsPreviewed(opened, quickCommands);
});

test("locks that moved become a pull request, and programs of source packages see no token", {
  skip,
}, async () => {
  const loot = join(opened.folder, "built.json");
  const thief = `import os, subprocess\nsubprocess.run(["node", os.environ["GITHUB_WORKSPACE"] + "/tests/integration/support/github/thief.ts", ${JSON.stringify(loot)}], check=True)`;
  await index.add({ name: "source-only", version: "1", wheels: [], source: true, backend: thief });
  const lock = '"lock": "tools/bootstrap.sh tests/integration/support/github/one-lock.ts"';
  const body = await locksAreOffered(opened, {
    "package.json": (text) => text.replace(/"lock": "[^"]*"/, lock),
  });
  assert.match(body, /pin `debian-bookworm`/);
  const { everything: taken, answers } = JSON.parse(readFileSync(loot, "utf8"));
  assert.doesNotMatch(taken, /gh[sp]_/);
  assert.deepEqual(answers, [401]);
});

test("leaks are looked for in every region", { skip }, async () => {
  await leaksAreLookedFor(opened, quickCommands);
});

test("every stack of a registry elsewhere is released, and their times are kept", { skip }, async () => {
  await stacksAreReleased(opened, quickCommands);
});

test("nothing is released without a registry elsewhere, or without a runner that can hold it", {
  skip,
}, async () => {
  const said = await releaseSays(opened, quickCommands);
  assert.match(said, /Every stack has the local registry: set strata:registry in one\./);
  const { RELEASE_RUNNER: _, ...variables } = everything.variables;
  const without = await releaseSays(opened, { ...quickCommands, ...released }, { ...everything, variables });
  assert.match(without, /RELEASE_RUNNER .* 36 GB of free disk, for ada hopper\./);
});
