import assert from "node:assert/strict";
import type { Settings, WorkflowRun } from "./github.ts";
import type { Arrangement, TestGitHub } from "./open.ts";
import type { Edits } from "./served-repository.ts";
import { REPOSITORY } from "./state.ts";

/** Where the stand-ins of commands are, in every commit that is served. */
export const stranger = "tests/integration/support/github";

/** A repository with everything set up, and roles that trust whom docs/continuous-integration.md says. */
export const everything: Arrangement = {
  variables: {
    PULUMI_BACKEND_URL: "s3://state?region=eu-central-1",
    AWS_REGION: "eu-central-1",
    AWS_PREVIEW_ROLE: "preview",
    AWS_RELEASE_ROLE: "release",
    AWS_REAPER_ROLE: "reaper",
    AWS_REAPER_REGIONS: "us-east-1 eu-central-1",
    RELEASE_RUNNER: "large",
  },
  secrets: { LOCKS_TOKEN: "ghp_LocksTokenOfTheMaintainer" },
  environments: { release: { PULUMI_CONFIG_PASSPHRASE: "passphrase-of-the-stacks" } },
  trust: {
    preview: `repo:${REPOSITORY}:pull_request`,
    release: `repo:${REPOSITORY}:environment:release`,
    reaper: `repo:${REPOSITORY}:ref:refs/heads/main`,
  },
};

const replaced = (name: string) =>
  [new RegExp(`"${name}": "[^"]*"`), `"${name}": "tools/bootstrap.sh ${stranger}/quick.ts ${name}"`] as const;

/** The commands that take long, as quick.ts has them. */
export const quickCommands: Edits = {
  "package.json": (text) =>
    ["preview", "lock", "reaper"].reduce((all, name) => all.replace(...replaced(name)), text),
  "tools/commands/up.ts": `process.argv.splice(2, 0, "up");\nawait import("../../${stranger}/quick.ts");\n`,
};

/** Begins with `main` as these edits make it, and with nothing that happened before. */
export async function begin(
  { github }: TestGitHub,
  edits: Edits,
  settings: Settings = everything,
): Promise<void> {
  const { state, served } = github;
  for (const list of [state.pulls, state.comments, state.artifacts, state.caches, state.requests])
    list.length = 0;
  state.strangers.clear();
  state.allowsPullRequestsOfActions = false;
  state.tokens.set(everything.secrets.LOCKS_TOKEN ?? "", {
    login: "maintainer",
    rights: { contents: "write", "pull-requests": "write" },
  });
  github.settings = settings;
  const base =
    (await served.tryResolve("refs/tests/base")) ?? (await served.commit(["main"], {}, ["refs/tests/base"]));
  await served.commit([base], edits, ["refs/heads/main"]);
}

/** These workflows ran, in this order, and nothing in them failed. */
export function assertPassed(runs: readonly WorkflowRun[], ...files: string[]): void {
  assert.deepEqual(
    runs.map(({ file }) => file),
    files,
  );
  for (const { file, ok, failures, output } of runs) {
    assert.ok(ok, `${file} failed: ${failures.join(", ")}\n${output.slice(-3_000)}`);
  }
}

const elsewhere = "config:\n  strata:registry: { kind: ghcr, owner: acme, repository: strata }\n";
/** Two stacks that go to a registry elsewhere. */
export const released: Edits = { "Pulumi.ada.yaml": elsewhere, "Pulumi.hopper.yaml": elsewhere };
