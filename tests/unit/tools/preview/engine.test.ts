/** What a preview asks of Pulumi's CLI, with a script in its place. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt, repository } from "../../../../home.ts";
import { historySchema } from "../../../../lib/preview/build-history.ts";
import { askEngine } from "../../../../tools/preview/engine.ts";
import { previousFromState } from "../../../../tools/preview/read-previous.ts";
import { exportState, readOwnState } from "../../../../tools/stack/outputs.ts";
import type { Stack } from "../../../../tools/stack/stack.ts";
import { writeFile } from "../../../support/layers.ts";
import { sampleKey, sampleResources } from "../../../support/states.ts";
import { script, setVariables, temporaryFolder } from "../../support/folder.ts";

/** A stack whose CLI answers so. */
function stackWith(t: TestContext, body: string): Stack {
  const pulumi = script(join(temporaryFolder(t), "pulumi"), body);
  return { name: "ada", folder: repository, project: "strata", pulumi, environment: {} };
}

test("the state of another backend is read through its CLI, without a secret", async (t) => {
  const inputs = { "file:Dockerfile": "1" };
  const resources = sampleResources({ stages: { torch: { key: sampleKey("a"), inputs, bytes: 1 } } });
  const exported = JSON.stringify({ version: 3, deployment: { resources } });
  const asked = join(temporaryFolder(t), "asked");
  const known = previousFromState(
    await exportState(stackWith(t, `echo "$*" >${asked}; cat <<'END'\n${exported}\nEND`)),
  );
  assert.deepEqual(known.stages, [{ name: "torch", key: sampleKey("a"), inputs, bytes: 1, role: null }]);
  assert.equal(readFileSync(asked, "utf8"), "stack export --stack ada\n");
});

test("a preview that fails with a configuration of Docker's that cannot work says so", async (t) => {
  const docker = temporaryFolder(t);
  setVariables(t, { DOCKER_CONFIG: docker });
  const failing = stackWith(t, 'echo "error: getting host: exec failed" >&2; exit 1');
  assert.equal((await askEngine(failing))?.problem?.trim(), "error: getting host: exec failed");
  writeFileSync(join(docker, "config.json"), '{"credsStore": "gone"}');
  assert.match((await askEngine(failing))?.problem ?? "", /exec failed\n.*names the credential store "gone"/);
});

test("a stack that the backend does not have is new; one that cannot be asked about is an error", async (t) => {
  const missing = stackWith(t, `echo "error: no stack named 'ada' found" >&2; exit 255`);
  assert.deepEqual(previousFromState(await exportState(missing)).comparedWith, {
    kind: "nothing",
    why: "the stack does not exist in its backend",
  });
  assert.equal(await askEngine(missing), undefined);
  const locked = stackWith(t, `echo "error: AccessDenied" >&2; exit 255`);
  await assert.rejects(exportState(locked), /stack ada: its state cannot be read:\n +error: AccessDenied/);
});

test("without a state file a stack is new, and a broken one tells nothing", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const compared = async () =>
    previousFromState(await readOwnState(home, { project: "strata", name: "ada" })).comparedWith;
  assert.deepEqual(await compared(), { kind: "nothing", why: "the stack has not been updated yet" });
  writeFile(home.state, ".pulumi/stacks/strata/ada.json", "{");
  assert.deepEqual(await compared(), { kind: "nothing", why: "its state cannot be read" });
});

test("the engine's answer is its counts and the images that are not the same", async (t) => {
  const image = "urn:pulumi:ada::strata::a$docker-build:index:Image::starter";
  const answer = {
    steps: [
      { op: "update", urn: `${image}-torch`, newState: { inputs: { password: "hunter22" } } },
      { op: "same", urn: `${image}-cuda` },
      { op: "create", urn: "urn:pulumi:ada::strata::command:local:Command::starter-smoke" },
      {
        op: "update",
        urn: "urn:pulumi:ada::strata::a$strata:index:ProductImage$command:local:Command::starter",
      },
    ],
    changeSummary: { same: 1, update: 1, create: 1 },
  };
  const asked = await askEngine(stackWith(t, `cat <<'END'\n${JSON.stringify(answer)}\nEND`));
  assert.deepEqual(asked, {
    answer: {
      counts: { same: 1, update: 1, create: 1 },
      images: [
        { name: "starter-torch", op: "update" },
        { name: "starter", op: "update" },
      ],
    },
  });
});

test("a failed engine tells its errors, wherever it wrote them", async (t) => {
  const onStderr = await askEngine(stackWith(t, 'echo "error: no passphrase" >&2; exit 255'));
  assert.match(onStderr?.problem ?? "", /error: no passphrase/);
  const diagnostics = [
    { message: "downloading", severity: "info" },
    { message: "strata:generation: expected one of …", severity: "error" },
  ];
  const inJson = await askEngine(stackWith(t, `echo '${JSON.stringify({ diagnostics })}'; exit 255`));
  assert.match(inJson?.problem ?? "", /strata:generation/);
  assert.ok(!inJson?.problem?.includes("downloading"));
});

test("builds that other machines saw are added to the history, once, and what is no history is left out", (t) => {
  const folder = temporaryFolder(t);
  const build = (stage: string) => ({
    ...{ stage, key: "k", recipe: "starter", generation: "ada", seconds: 1, bytes: null },
    at: "2026-01-01T00:00:00.000Z",
  });
  const files = [[build("a")], [build("a"), build("b")]].map((builds, index) => {
    const file = join(folder, `${index}.json`);
    writeFileSync(file, JSON.stringify({ format: 1, builds }));
    return file;
  });
  writeFileSync(join(folder, "broken.json"), "{");
  const home = homeAt(join(folder, "home"));
  execFileSync(
    process.execPath,
    [join(repository, "tools/commands/history.ts"), ...files, join(folder, "broken.json")],
    { env: { ...process.env, STRATA_HOME: home.root }, stdio: "ignore" },
  );
  const { builds } = historySchema.parse(JSON.parse(readFileSync(home.history, "utf8")));
  assert.deepEqual(
    builds.map(({ stage }) => stage),
    ["a", "b"],
  );
});
