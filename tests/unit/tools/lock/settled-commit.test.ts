import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { formatNodeLock, parseNodeLock } from "../../../../lib/locks/node-lock.ts";
import { lockNodes } from "../../../../tools/lock/lock-nodes.ts";
import { settledCommit } from "../../../../tools/lock/settled-commit.ts";
import { commitTo, type GitServer, startGitServer } from "../../../support/git-server.ts";

const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

describe("commits that are old enough", () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-settled-"));
  const commits: string[] = [];
  let server: GitServer;
  const settled = (ref: string, days: number, name = "node") =>
    settledCommit(
      { name: `o/${name}`, location: `${server.address}${name}` },
      ref,
      ago(days),
      mkdtempSync(join(folder, "fetched-")),
    );

  before(async () => {
    // The fourth is of somebody whose clock is wrong: behind what came before it.
    for (const [index, days] of [400, 30, 9, 40, 3, 1].entries()) {
      const date = ago(days).toISOString();
      const tag = days === 1 ? { tag: "v2" } : days === 30 ? { tag: "v1" } : {};
      commits.push(await commitTo(join(folder, "node"), { files: { a: `${index}` }, date, ...tag }));
    }
    await commitTo(join(folder, "new"), { files: { a: "" }, date: ago(1).toISOString() });
    server = await startGitServer(folder);
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test("the newest one of a branch, however far back it is", async () => {
    assert.equal(await settled("HEAD", 0), commits[5]);
    assert.equal(await settled("main", 2), commits[4]);
    assert.equal(await settled("refs/heads/main", 7), commits[3]);
    assert.equal(await settled("main", 35), commits[3]);
    assert.equal(await settled("main", 100), commits[0]);
  });

  test("a tag is what its commit is: old enough, or refused with what helps; a full commit is a decision", async () => {
    assert.equal(await settled("v1", 7), commits[1]);
    await assert.rejects(
      settled("v2", 7),
      /o\/node: has a commit at the tag "v2" that is younger .* older tag/,
    );
    await assert.rejects(settled("refs/tags/v2", 7), /younger than the cool-down/);
    assert.equal(await settled(commits[5] ?? "", 7), commits[5]);
  });

  test("a repository that is all new is refused by name", async () => {
    await assert.rejects(settled("HEAD", 7, "new"), /o\/new: has nothing at "HEAD" .*cool-down\.json/);
  });

  test("the lock of nodes says how long they had to wait, and an exception need not", async () => {
    const source = (name: string) => ({
      name: `o/${name}`,
      repository: `https://git.example.com/${name}`,
      ref: "HEAD",
    });
    const sources = { repositories: [source("node"), source("new")], packages: [] };
    const coolDown = { days: 7, except: { "o/new": "a fix" } };
    const mirrors = { "https://git.example.com/": server.address };
    const lock = await lockNodes(sources, mirrors, () => {}, coolDown);
    assert.equal(lock.coolDown, "7 days, except o/new (a fix)");
    assert.equal(lock.repositories["o/node"]?.commit, commits[3]);
    assert.deepEqual(parseNodeLock(formatNodeLock(lock)), lock);
    const text = formatNodeLock(lock).replace("7 days", "9 days");
    assert.throws(() => parseNodeLock(text), /was edited by hand/);
    assert.equal((await lockNodes(sources, mirrors)).coolDown, undefined);
    await assert.rejects(
      lockNodes(sources, mirrors, () => {}, { ...coolDown, except: {} }),
      /o\/new: has nothing/,
    );
  });
});
