/** The five workflows run, each by its event, on this machine: against a GitHub on loopback, with its rights and its answers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DescribeParametersCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import { LOGIN_PARAMETERS } from "../../lib/hosts/policies.ts";
import { awsClients } from "../../tools/hosts/aws/clients.ts";
import { startPythonIndex } from "../support/python-index.ts";
import { setVariables } from "../unit/support/folder.ts";
import { findPrograms, openGitHub, type Programs, type TestGitHub } from "./support/github/open.ts";
import {
  branchIsPreviewed,
  forkIsPreviewed,
  locksAreOffered,
  locksAreUpdated,
  releaseSays,
  stacksAreReleased,
} from "./support/github/scenarios.ts";
import { begin, everything, quickCommands, released } from "./support/github/set-up.ts";
import { findMoto, startMoto } from "./support/moto.ts";

const found = await findPrograms();
const skip = found.missing ?? false;
const moto = await findMoto();
const noGh = found.missing ?? found.gh.missing ?? false;
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
  skip: noGh,
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

test("without a token of one's own the pull request that is there gets the new locks", {
  skip: noGh,
}, async () => {
  await locksAreUpdated(opened, quickCommands);
  await begin(opened, quickCommands, { ...everything, secrets: {} });
  const [refused] = await opened.github.schedule("locks.yml");
  assert.deepEqual(refused?.failures, ["offer: Offer it"]);
  assert.match(refused.output, /GitHub Actions is not permitted to create or approve pull requests/);
});

test("a leak is ended and makes the run red; the next one is green", {
  skip: skip || (moto.missing ?? false),
}, async (t) => {
  const aws = await startMoto(moto.folder);
  t.after(() => aws.close());
  const credentials = { AWS_ENDPOINT_URL: aws.url, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
  setVariables(t, credentials);
  const { ssm } = awsClients({ region: "eu-central-1" });
  const login = { Name: `${LOGIN_PARAMETERS}/strata/ada/host`, Value: "x", Type: "SecureString" } as const;
  await ssm.send(new PutParameterCommand(login));
  await begin(opened, {});
  opened.github.machine.environment.AWS_ENDPOINT_URL = aws.url;
  const [red] = await opened.github.schedule("reaper.yml");
  assert.deepEqual(red?.failures, ["reap: Look for leaks"]);
  assert.match(red.output, /parameter .*ada\/host.* removed/);
  const { Parameters } = await ssm.send(new DescribeParametersCommand({}));
  assert.deepEqual(Parameters, []);
  const [green] = await opened.github.schedule("reaper.yml");
  assert.ok(green?.ok, green?.output);
  assert.match(green.output, /nothing of any smoke test is there/);
  const { AWS_REAPER_ROLE: _, ...none } = everything.variables;
  await begin(opened, {}, { ...everything, variables: none });
  const [idle] = await opened.github.schedule("reaper.yml");
  assert.deepEqual([idle?.ok, idle?.jobs], [true, {}]);
});

test("every stack of a registry elsewhere is released, and their times are kept", {
  skip,
}, async () => {
  await stacksAreReleased(opened, quickCommands);
});

test("a stack that fails keeps no other from its release, nor the times of the others", {
  skip,
}, async () => {
  const breaking = 'if (process.argv.includes("hopper")) process.exit(1);\n';
  const up = "tools/commands/up.ts";
  await begin(opened, { ...quickCommands, ...released, [up]: `${breaking}${quickCommands[up]}` });
  const [run] = await opened.github.push();
  assert.equal(run?.ok, false);
  assert.deepEqual(run.failures, ["release: Build, test, promote"]);
  assert.equal(run.jobs.history, "success");
  assert.deepEqual(
    opened.github.state.artifacts.map(({ name }) => name),
    ["stack-ada"],
  );
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
