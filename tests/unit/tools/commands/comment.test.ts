import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { repository } from "../../../../home.ts";
import { MARKER } from "../../../../lib/preview/comment-body.ts";
import { publish } from "../../../../tools/commands/comment/publish.ts";
import {
  accountOf,
  parseRepository,
  pullRequestOf,
} from "../../../../tools/commands/comment/pull-request.ts";
import { githubClient } from "../../../../tools/program/github-client.ts";
import { samplePreview, stackPreview } from "../../../support/preview.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  account,
  type FakeComment,
  type FakeGitHub,
  startFakeGitHub,
  type Trouble,
} from "./comment/support/fake-github.ts";

const target = { owner: "o", repo: "n", number: 7, author: account };
const ours = (text: string): Omit<FakeComment, "id"> => ({ body: `${MARKER}\n${text}`, login: account });
const others = (count: number): Omit<FakeComment, "id">[] =>
  Array.from({ length: count }, (_, index) => ({ body: `talk ${index}`, login: "octocat" }));

/** Publishes once to a pull request with these comments, meeting these troubles. */
async function published(comments: readonly Omit<FakeComment, "id">[], troubles: readonly Trouble[] = []) {
  const github = await startFakeGitHub(comments);
  github.troubles.push(...troubles);
  const client = githubClient({ token: "secret-token", baseUrl: github.url, second: 5 });
  try {
    const result = await publish(client, target, `${MARKER}\nnew`);
    return { result, github, mine: mine(github) };
  } finally {
    await github[Symbol.asyncDispose]();
  }
}

const mine = ({ comments }: FakeGitHub) =>
  comments.filter(({ body, login }) => body.startsWith(MARKER) && login === account).map(({ body }) => body);

test("the first run makes the comment", async () => {
  const { result, mine: bodies, github } = await published(others(2));
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
  assert.deepEqual(result, {
    action: "created",
    url: "https://github.com/o/n/pull/7#issuecomment-3",
    deleted: 0,
  });
  assert.deepEqual([...github.authorizations], ["token secret-token"]);
});

test("a comment on the third page is found and updated in place", async () => {
  const { result, mine: bodies, github } = await published([...others(25), ours("old"), ...others(10)]);
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
  assert.equal(result.action, "updated");
  assert.equal(github.comments[25]?.body, `${MARKER}\nnew`);
  assert.equal(github.comments.length, 36);
});

test("an unchanged comment is left alone", async () => {
  const { result, github } = await published([{ body: `${MARKER}\r\nnew`, login: account }]);
  assert.equal(result.action, "unchanged");
  assert.ok(github.requests.every((request) => request.startsWith("GET ")));
});

test("of several the oldest stays, updated, and the others are deleted", async () => {
  const {
    result,
    mine: bodies,
    github,
  } = await published([ours("first"), ...others(15), ours("second"), ours("third")]);
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
  assert.equal(result.deleted, 2);
  assert.equal(github.comments[0]?.body, `${MARKER}\nnew`);
  assert.equal(github.comments.length, 16);
});

test("comments of others stay, whatever they begin with, and so does one that quotes ours", async () => {
  const copied = { body: `${MARKER}\ncopied`, login: "octocat" };
  const quoting = { body: `> ${MARKER}\n> old`, login: account };
  const { github, mine: bodies } = await published([copied, quoting]);
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
  assert.deepEqual(
    github.comments.slice(0, 2).map(({ body }) => body),
    [copied.body, quoting.body],
  );
});

test("a comment that was deleted before it could be updated is made anew", async () => {
  const github = await startFakeGitHub([...others(1), ours("old")]);
  await using _ = github;
  const meanwhile = () => {
    github.comments.pop();
  };
  github.troubles.push({ method: "PATCH", status: 0, meanwhile });
  const client = githubClient({ token: "t", baseUrl: github.url, second: 5 });
  assert.equal((await publish(client, target, `${MARKER}\nnew`)).action, "created");
  assert.deepEqual(mine(github), [`${MARKER}\nnew`]);
});

test("a duplicate that somebody else deletes at the same time is no error", async () => {
  const { result, mine: bodies } = await published(
    [ours("old"), ours("older")],
    [{ method: "DELETE", status: 404, done: true }],
  );
  assert.equal(result.deleted, 0);
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
});

test("after trouble of the server the request is made again", async () => {
  const { mine: bodies } = await published(
    [ours("old")],
    [
      { method: "GET", status: 502 },
      { method: "GET", status: 500 },
      { method: "PATCH", status: 503 },
    ],
  );
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
});

test("an answer that was lost after the comment was made leaves no second comment", async () => {
  const { result, mine: bodies } = await published(others(3), [{ method: "POST", status: 502, done: true }]);
  assert.deepEqual(bodies, [`${MARKER}\nnew`]);
  assert.equal(result.deleted, 1);
});

test("a rate limit is waited for as long as it says", async () => {
  const github = await startFakeGitHub([ours("old")]);
  await using _ = github;
  const soon = String(Math.floor(Date.now() / 1_000));
  github.troubles.push(
    { method: "GET", status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": soon } },
    { method: "PATCH", status: 403, headers: { "retry-after": "60" }, message: "secondary rate limit" },
    { method: "PATCH", status: 429, headers: { "retry-after": "40" }, message: "secondary rate limit" },
  );
  const started = Date.now();
  const client = githubClient({ token: "t", baseUrl: github.url, second: 10 });
  await publish(client, target, `${MARKER}\nnew`);
  assert.deepEqual(mine(github), [`${MARKER}\nnew`]);
  assert.ok(Date.now() - started >= 1_000, "60 and 40 short seconds");
});

test("a limit that is too long, or a right that is missing, is an error at once and not a second comment", async () => {
  const hour = { "retry-after": "3600" };
  await assert.rejects(
    published(
      [ours("old")],
      [{ method: "PATCH", status: 403, headers: hour, message: "secondary rate limit" }],
    ),
    /secondary rate limit/,
  );
  await assert.rejects(
    published([], [{ method: "POST", status: 403, message: "Resource not accessible by integration" }]),
    /not accessible/,
  );
});

test("run after run, with whatever happened before, there is exactly one comment with the last text", async () => {
  const github = await startFakeGitHub([...others(30), ours("a"), ...others(3), ours("b")]);
  await using _ = github;
  const client = githubClient({ token: "t", baseUrl: github.url, second: 5 });
  const happenings: (() => void)[] = [
    () => {},
    () => github.troubles.push({ method: "GET", status: 502 }),
    () =>
      github.comments.splice(
        0,
        github.comments.length,
        ...github.comments.filter(({ login }) => login !== account),
      ),
    () => github.troubles.push({ method: "POST", status: 500, done: true }),
    () => github.comments.push({ id: 900, ...ours("duplicate") }),
  ];
  for (const [run, happen] of happenings.entries()) {
    happen();
    await publish(client, target, `${MARKER}\nrun ${run}`);
    assert.deepEqual(mine(github), [`${MARKER}\nrun ${run}`]);
  }
});

test("the account of a workflow's token may not be asked, and is known", async () => {
  const github = await startFakeGitHub();
  await using _ = github;
  assert.equal(await accountOf(githubClient({ token: "t", baseUrl: github.url })), account);
});

test("a fork's pull request is found by its branch, at exactly its commit", async () => {
  const github = await startFakeGitHub();
  await using _ = github;
  github.pulls.push({ number: 7, head: { sha: "new", label: "fork:branch" } });
  const client = githubClient({ token: "t", baseUrl: github.url });
  const find = (head: string, sha: string) => pullRequestOf(client, { owner: "o", repo: "n" }, head, sha);
  assert.equal(await find("fork:branch", "new"), 7);
  assert.equal(await find("fork:branch", "old"), undefined);
  assert.equal(await find("fork:other", "new"), undefined);
  assert.throws(() => parseRepository("o/n/x"), /--repo: expected owner\/name/);
});

/** Runs `npm run comment` as a program. */
async function comment(args: readonly string[], environment: Record<string, string>) {
  const { stdout, stderr, exitCode } = await execa(process.execPath, ["tools/commands/comment.ts", ...args], {
    cwd: repository,
    env: { GITHUB_TOKEN: "", ...environment },
    reject: false,
  });
  return { stdout, stderr, exitCode };
}

test("the program posts a result, and the reason where the result is none", async (t) => {
  const github = await startFakeGitHub();
  await using _ = github;
  const file = join(temporaryFolder(t), "preview.json");
  writeFileSync(
    file,
    JSON.stringify(samplePreview([stackPreview("dev", { notes: ["ghp_0123456789abcdef"] })])),
  );
  const environment = { GITHUB_TOKEN: "hidden-token", GITHUB_API_URL: github.url };
  const run = (...args: string[]) => comment(["--repo", "o/n", "--pr", "7", ...args], environment);
  assert.equal((await run("--preview", file)).exitCode, 0);
  assert.match(mine(github)[0] ?? "", /\| `dev` \|/);
  assert.ok(!JSON.stringify(github.comments).includes("ghp_"));
  for (const [text, expected] of [
    ['{"format":99}', /not of format 1/],
    ["nonsense", /not of format 1/],
  ] as const) {
    writeFileSync(file, text);
    await run("--preview", file);
    assert.match(mine(github).join("\n===\n"), expected);
  }
  await run("--preview", `${file}-missing`);
  assert.match(mine(github).join("\n===\n"), /left no result/);
  await run("--problem", "no lock; token hidden-token");
  assert.deepEqual(mine(github).length, 1);
  assert.ok(!JSON.stringify(github.comments).includes("hidden-token"));
  assert.match(mine(github)[0] ?? "", /no lock/);
});

test("without a token, a number or rights the program says what to do", async () => {
  const github = await startFakeGitHub();
  await using _ = github;
  const environment = { GITHUB_TOKEN: "hidden-token", GITHUB_API_URL: github.url };
  const args = ["--repo", "o/n", "--problem", "x"];
  assert.match((await comment([...args, "--pr", "7"], {})).stderr, /GITHUB_TOKEN: is not set/);
  assert.match((await comment(args, environment)).stderr, /--pr: expected a number/);
  github.troubles.push({ method: "POST", status: 403, message: "Resource not accessible by integration" });
  const { stderr, exitCode } = await comment([...args, "--pr", "7"], environment);
  assert.equal(exitCode, 1);
  assert.match(stderr, /github: 403: .*pull-requests: write/);
  assert.ok(!stderr.includes("hidden-token"));
});
