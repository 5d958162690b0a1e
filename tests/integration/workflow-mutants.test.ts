/** Workflows with one mistake each, as actionlint lets it pass: the scenarios that pass without it fail. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findPrograms, openGitHub, type Programs, type TestGitHub } from "./support/github/open.ts";
import {
  forkIsPreviewed,
  leaksAreLookedFor,
  locksAreUpdated,
  previewIsPosted,
  stacksAreReleased,
} from "./support/github/scenarios.ts";
import type { Edits } from "./support/github/served-repository.ts";
import { everything, quickCommands } from "./support/github/set-up.ts";

const found = await findPrograms();
const skip = found.missing ?? false;
const noGh = found.missing ?? found.gh.missing ?? false;
let opened: TestGitHub;
before(async () => {
  if (!skip) opened = await openGitHub(found as Programs, everything);
});
after(() => opened?.[Symbol.asyncDispose]());

type Scenario = (opened: TestGitHub, edits: Edits) => Promise<unknown>;

const scenarios: Readonly<Record<string, Scenario>> = {
  "preview.yml": forkIsPreviewed,
  "comment.yml": previewIsPosted,
  "locks.yml": locksAreUpdated,
  "reaper.yml": leaksAreLookedFor,
  "release.yml": stacksAreReleased,
};

/** What each file says, how it would be wrong, and what is then seen. */
const mutants: readonly (readonly [file: string, right: string, wrong: string, told: RegExp])[] = [
  ["preview.yml", "persist-credentials: false", "persist-credentials: true", /the fork's code read ghs_/],
  [
    "preview.yml",
    "full_name == github.repository",
    "full_name != github.repository",
    /preview\.yml failed: preview: A role/,
  ],
  ["comment.yml", "workflows: [preview]", "workflows: [previews]", /comment\.yml/],
  ["comment.yml", "github.event.workflow_run.id }}", "github.run_id }}", /left no result/],
  ["comment.yml", "pull-requests: write", "pull-requests: read", /comment\.yml failed: comment: Comment/],
  ["comment.yml", "head_repository.owner.login", "repository.owner.login", /undefined/],
  ["locks.yml", "contents: write # the branch", "contents: read", /locks\.yml failed: offer: Offer it/],
  ["locks.yml", "gh auth setup-git", "gh auth status", /locks\.yml failed: offer: Offer it/],
  [
    "reaper.yml",
    "id-token: write # asks AWS for a role",
    "id-token: none",
    /reaper\.yml failed: reap: aws-actions/,
  ],
  ["reaper.yml", '--region "$region"', '--region "$REGIONS"', /us-east-1 eu-central-1/],
  [
    "release.yml",
    "fromJSON(needs.stacks.outputs.stacks)",
    "fromJSON(needs.stacks.outputs.list)",
    /release\.yml failed/,
  ],
  ["release.yml", "environment: release", "environment: releases", /release\.yml failed: release: A role/],
  ["release.yml", "packages: write", "packages: read", /release\.yml failed: release: Build/],
  ["release.yml", "include-hidden-files: true", "include-hidden-files: false", /stack-ada/],
];

for (const [file, right, wrong, told] of mutants) {
  test(`${file}: ${wrong} is seen`, { skip: file === "locks.yml" ? noGh : skip }, async () => {
    const path = `.github/workflows/${file}`;
    const broken = (text: string) => {
      assert.ok(text.includes(right), `${file} has no ${right}`);
      return text.replace(right, wrong);
    };
    const scenario = scenarios[file] as Scenario;
    const error = await scenario(opened, { ...quickCommands, [path]: broken }).catch(
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof assert.AssertionError, String(error));
    assert.match(error.message, told);
  });
}
