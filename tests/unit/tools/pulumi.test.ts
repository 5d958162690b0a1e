import assert from "node:assert/strict";
import { test } from "node:test";
import { homeAt } from "../../../home.ts";
import { pulumiEnvironment, usesFileBackend } from "../../../tools/program/environment.ts";
import { lastFailure } from "../../../tools/pulumi/build-log.ts";
import { isHeld } from "../../../tools/pulumi/locks.ts";
import { pendingOperations } from "../../../tools/pulumi/recover.ts";
import { summary } from "../../../tools/pulumi/summary.ts";
import { parseHistories } from "../../../tools/services/build-histories.ts";
import { projectName } from "../../../tools/stack/stack.ts";

const home = homeAt("/h");

test("our backend, plugins and passphrase are used unless the user has others; logins are always the user's", () => {
  const ours = pulumiEnvironment(home, { PATH: "/usr/bin" });
  assert.equal(ours.PULUMI_BACKEND_URL, "file:///h/state");
  assert.equal(ours.PULUMI_CONFIG_PASSPHRASE, "");
  assert.equal(ours.BUILDX_CONFIG, "/h/docker/buildx");
  assert.ok(!("DOCKER_CONFIG" in ours), "`docker login` would not be seen");
  assert.equal(ours.PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL, "true", "every clone would fetch AWS's plugin");
  assert.match(ours.PATH ?? "", /^[^:]+:\/h\/bin:\/usr\/bin$/);
  assert.match(ours.NODE_OPTIONS ?? "", /^--import=file:\S+\/lean-sdk\.ts$/);
  const { NODE_OPTIONS } = pulumiEnvironment(home, { NODE_OPTIONS: "--max-old-space-size=99" });
  assert.match(NODE_OPTIONS ?? "", /^--max-old-space-size=99 --import=/, "the user's own stay");
  const theirs = { PULUMI_BACKEND_URL: "s3://bucket", PULUMI_CONFIG_PASSPHRASE_FILE: "/p" };
  const environment = pulumiEnvironment(home, theirs);
  assert.deepEqual(
    ["PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "DOCKER_CONFIG"].filter((name) => name in environment),
    [],
  );
  assert.equal(usesFileBackend(theirs), false);
  const elsewhere = pulumiEnvironment(home, { PULUMI_BACKEND_URL: "s3://bucket" });
  assert.ok(!("PULUMI_CONFIG_PASSPHRASE" in elsewhere), "the backend's own rules hold");
});

const project = `name: strata
config:
  strata:recipe:
    type: string
    default: starter
  strata:base:
    type: string
    description: Base image, a name in locks/images.json
    default: debian-bookworm
  strata:python:
    default: "3.11"
`;

test("the project has a name", () => {
  assert.equal(projectName(project), "strata");
  assert.throws(() => projectName("runtime: nodejs\n"), /Pulumi\.yaml: has no name/);
});

test("a lock holds while its process is a Pulumi of this machine, and always for another machine", () => {
  const lock = { pid: 7, hostname: "here", timestamp: "t" };
  assert.equal(
    isHeld(lock, "here", () => ["/x/bin/pulumi", "up"]),
    true,
  );
  assert.equal(
    isHeld(lock, "here", () => []),
    false,
  );
  assert.equal(
    isHeld(lock, "here", () => ["bash"]),
    false,
  );
  assert.equal(
    isHeld(lock, "elsewhere", () => []),
    true,
  );
});

test("pending operations are counted, and a state that cannot be read has none", () => {
  assert.equal(
    pendingOperations(JSON.stringify({ checkpoint: { latest: { pending_operations: [1, 2] } } })),
    2,
  );
  assert.equal(pendingOperations(JSON.stringify({ checkpoint: { latest: {} } })), 0);
  assert.equal(pendingOperations(""), 0);
  assert.equal(pendingOperations("{"), 0);
});

test("the latest failed build of exactly that image is found", () => {
  const record = (Ref: string, name: string, seconds: number, error?: object) =>
    JSON.stringify({ record: { Ref, Exporters: [{ Attrs: { name } }], CompletedAt: { seconds }, error } });
  const failed = { code: 2, message: "exit code: 1" };
  // BuildKit lists them by their random names.
  const histories = parseHistories(
    [
      record("new", "r/x:a", 3, failed),
      record("fine", "r/x:a", 4),
      record("old", "r/x:a", 1, failed),
      record("other", "r/x:b", 5, failed),
      "what is no line of a build",
    ].join("\n"),
  );
  assert.equal(lastFailure(histories, "r/x:a"), "new");
  assert.equal(lastFailure(histories, "r/x:c"), undefined);
  assert.equal(lastFailure([], "r/x:a"), undefined);
});

test("the summary shows what there is, and counts skips apart from passes", () => {
  const reference = "127.0.0.1:5000/strata@sha256:abc";
  const checks = [
    { id: "10-start", title: "starts", status: "pass", seconds: 1.25 },
    { id: "40-gpu", title: "computes", status: "skip", reason: "no GPU" },
  ];
  const text = summary(
    {
      product: { reference, bytes: 3_100_000_000 },
      evidence: { verdict: "pass", generation: "ada", checks },
    },
    61_000,
    [8188, 8000],
  );
  assert.match(text, /pass +10-start +1\.3s +starts/);
  assert.match(text, /skip +40-gpu +computes: no GPU/);
  assert.match(text, /^evidence +pass: 1 passed, 1 skipped$/m);
  assert.match(text, /^size +3\.1 GB compressed$/m);
  assert.match(
    text,
    /^run it +docker run --rm --gpus all -p 8188:8188 -p 8000:8000 127\.0\.0\.1:5000\/strata@sha256:abc$/m,
  );
  assert.match(text, /^took +1m 1s$/m);
  assert.equal(summary({}, 500, []), "took      under 1s");
  assert.match(summary({ product: { models: "r/s@sha256:1" } }, 500, []), /^models {4}r\/s@sha256:1$/m);
});
