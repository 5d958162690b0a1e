import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { MARKER } from "../../../../lib/preview/comment-body.ts";
import { samplePreview } from "../../../support/preview.ts";
import type { Settings } from "./github.ts";
import type { TestGitHub } from "./open.ts";
import type { Edits } from "./served-repository.ts";
import { assertPassed, begin, everything, released, stranger } from "./set-up.ts";
import { OWNER, WORKFLOW_LOGIN } from "./state.ts";

/** A stranger opens a pull request whose own code robs what it can; the comment is there all the same. */
export async function forkIsPreviewed(opened: TestGitHub, edits: Edits, change: Edits = {}): Promise<string> {
  const { github, folder } = opened;
  await begin(opened, edits);
  const loot = join(folder, "loot.json");
  rmSync(loot, { force: true });
  const thief = `"preview": "node ${stranger}/thief.ts ${loot} && `;
  const robbing = { ...change, "package.json": (text: string) => text.replace('"preview": "', thief) };
  const sha = await github.served.commit(["main"], robbing, ["refs/pull/7/head"]);
  const pull = pullOfFork(sha);
  const runs = await github.pullRequest(pull);
  assertPassed(runs, "preview.yml", "comment.yml");
  const { everything: taken, answers } = JSON.parse(readFileSync(loot, "utf8"));
  const secrets = [...runs.flatMap((run) => run.secrets), ...Object.values(everything.secrets)];
  for (const secret of secrets)
    assert.ok(!taken.includes(secret), `the fork's code read ${secret.slice(0, 8)}…`);
  assert.doesNotMatch(taken, /secret-of-|s3:\/\/state/);
  assert.deepEqual(answers, [401]);
  // What is known against the packages is asked there; nobody answers here, and the comment says so.
  assert.deepEqual([...github.state.strangers], ["api.osv.dev"]);
  const [comment, ...more] = github.state.comments;
  assert.equal(comment?.login, WORKFLOW_LOGIN);
  assert.equal(comment.issue, 7);
  assert.ok(comment.body.startsWith(MARKER));
  assert.doesNotMatch(comment.body, /left no result|not of format/);
  assert.match(comment.body, /not known: `api\.osv\.dev\S* cannot be reached/);
  assert.match(comment.body, new RegExp(`/actions/runs/${runs[0]?.id}#artifacts`));
  assert.deepEqual(more, []);
  return comment.body;
}

/** The pull request of a stranger, from the branch `main` of a fork. */
function pullOfFork(sha: string) {
  const who = { number: 7, label: "stranger:main", author: "stranger" } as const;
  return { ...who, sha, state: "open", title: "", body: "" } as const;
}

/** A preview of a fork has ended well: its result is the comment. */
export async function previewIsPosted(opened: TestGitHub, edits: Edits): Promise<void> {
  const { github, folder } = opened;
  await begin(opened, edits);
  const sha = "7".repeat(40);
  const pull = pullOfFork(sha);
  github.state.pulls.push({ ...pull, number: 6, label: "acme:main", sha: "6".repeat(40) }, pull);
  writeFileSync(join(folder, "preview.json"), JSON.stringify(samplePreview([])));
  const zip = join(folder, "preview.zip");
  await execa("python3", ["-m", "zipfile", "-c", zip, join(folder, "preview.json")]);
  assertPassed(await github.previewed(pull, readFileSync(zip)), "comment.yml");
  const [comment, ...more] = github.state.comments;
  assert.equal(comment?.issue, 7);
  assert.doesNotMatch(comment.body, /left no result|not of format/);
  assert.deepEqual(more, []);
}

/** A branch of ours: its preview asks the backend, with the role that may read it. */
export async function branchIsPreviewed(opened: TestGitHub, edits: Edits): Promise<void> {
  const { github } = opened;
  await begin(opened, edits);
  const sha = await github.served.commit(["main"], { "README.md": "" }, ["refs/heads/change"]);
  const pull = {
    number: 8,
    label: "acme:change",
    sha,
    author: "a",
    state: "open",
    title: "",
    body: "",
  } as const;
  const before = opened.notes().length;
  assertPassed(await github.pullRequest(pull), "preview.yml", "comment.yml");
  const [preview] = opened.notes().slice(before);
  assert.deepEqual(preview?.words, ["--vulnerabilities", "--out", "preview"]);
  assert.equal(preview.environment.PULUMI_BACKEND_URL, everything.variables.PULUMI_BACKEND_URL);
  assert.equal(preview.environment.AWS_ACCESS_KEY_ID, "ASIA-preview");
  assert.equal(github.state.comments.length, 1);
}

/** What moved is offered by whoever the token is of; a pull request of a fork's branch of that name stays alone. */
export async function locksAreOffered(opened: TestGitHub, edits: Edits): Promise<string> {
  const { github } = opened;
  await begin(opened, edits);
  const { state, served } = github;
  const fork = {
    number: 3,
    label: "stranger:strata/locks",
    sha: "f".repeat(40),
    author: "stranger",
    state: "open",
  } as const;
  state.pulls.push({ ...fork, title: "mine", body: "mine" });
  const runs = await github.schedule("locks.yml");
  assertPassed(runs, "locks.yml");
  const [untouched, offered, ...more] = state.pulls;
  assert.equal(untouched?.body, "mine");
  assert.equal(offered?.author, "maintainer");
  assert.ok(offered.body.startsWith(MARKER));
  assert.doesNotMatch(offered.body, /left no result/);
  assert.deepEqual(more, []);
  const changed = await served.changed("refs/heads/main", "refs/heads/strata/locks");
  assert.deepEqual(changed, ["locks/images.json"]);
  return offered.body;
}

/** Without a token of one's own GitHub's does it, where the repository lets it: the pull request that is there is changed. */
export async function locksAreUpdated(opened: TestGitHub, edits: Edits): Promise<void> {
  await begin(opened, edits, { ...everything, secrets: {} });
  const { state, served } = opened.github;
  const [author, label] = [WORKFLOW_LOGIN, `${OWNER}:strata/locks`];
  state.pulls.push({ number: 4, label, sha: "", author, state: "open", title: "", body: "old" });
  assertPassed(await opened.github.schedule("locks.yml"), "locks.yml");
  const [updated, ...more] = state.pulls;
  assert.ok(updated?.body.startsWith(MARKER));
  assert.deepEqual(more, []);
  assert.deepEqual(await served.changed("refs/heads/main", "refs/heads/strata/locks"), ["locks/images.json"]);
}

/** The reaper asks in every region, with its role. */
export async function leaksAreLookedFor(opened: TestGitHub, edits: Edits): Promise<void> {
  await begin(opened, edits);
  const before = opened.notes().length;
  assertPassed(await opened.github.schedule("reaper.yml"), "reaper.yml");
  const [reaper] = opened.notes().slice(before);
  assert.deepEqual(reaper?.words, ["--region", "us-east-1", "--region", "eu-central-1"]);
  assert.equal(reaper.environment.AWS_ACCESS_KEY_ID, "ASIA-reaper");
}

/** Each stack is built, with all that its build needs; what it leaves is kept, and how long it took for the next run. */
export async function stacksAreReleased(
  opened: TestGitHub,
  edits: Edits,
  stacks: readonly string[] = ["ada", "hopper"],
): Promise<void> {
  const { github } = opened;
  await begin(opened, { ...released(...stacks), ...edits });
  const before = opened.notes().length;
  const runs = await github.push();
  assertPassed(runs, "release.yml");
  const { state } = github;
  const builds = opened.notes().slice(before);
  assert.deepEqual(
    builds.map(({ words }) => words.join(" ")).sort(),
    stacks.map((stack) => `--stack ${stack}`),
  );
  for (const { environment } of builds) {
    assert.equal(environment.PULUMI_CONFIG_PASSPHRASE, "passphrase-of-the-stacks");
    assert.equal(environment.PULUMI_BACKEND_URL, everything.variables.PULUMI_BACKEND_URL);
    assert.equal(environment.AWS_ACCESS_KEY_ID, "ASIA-release");
  }
  assert.deepEqual(
    state.artifacts.map(({ name }) => name).sort(),
    stacks.map((stack) => `stack-${stack}`),
  );
  const [history] = state.caches;
  assert.match(history?.key ?? "", /^history-\d+$/);
  for (const stack of stacks) assert.ok(history?.archive.includes(`"${stack}"`), stack);
}

/** Nothing is released; what is said instead. */
export async function releaseSays(opened: TestGitHub, edits: Edits, settings?: Settings): Promise<string> {
  await begin(opened, edits, settings);
  const runs = await opened.github.push();
  assertPassed(runs, "release.yml");
  assert.deepEqual(Object.keys(runs[0]?.jobs ?? {}), ["stacks"]);
  return runs[0]?.output ?? "";
}
