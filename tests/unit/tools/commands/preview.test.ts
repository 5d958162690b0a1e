import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt, repository } from "../../../../home.ts";
import { previewSchema } from "../../../../lib/preview/preview-schema.ts";
import { mergeBase, withRevision } from "../../../../tools/preview/revision.ts";
import { planStackIn } from "../../../../tools/stack/checkout-plan.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A repository with two commits on main and one on a branch, checked out. */
function branchedRepository(t: TestContext): { root: string; git: (...args: string[]) => string } {
  const root = temporaryFolder(t);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args])
      .toString()
      .trim();
  git("init", "--quiet", "--initial-branch", "main");
  const commit = (text: string) => {
    writeFileSync(join(root, "file"), text);
    git("add", "-A");
    git("commit", "--quiet", "-m", text);
  };
  commit("first");
  git("switch", "--quiet", "--create", "change");
  commit("changed");
  git("switch", "--quiet", "main");
  commit("second");
  git("switch", "--quiet", "change");
  return { root, git };
}

test("a change is compared with where it began, not with what others did since", async (t) => {
  const { root, git } = branchedRepository(t);
  assert.equal(await mergeBase("main", root), git("rev-parse", "main~1"));
  await assert.rejects(mergeBase("nowhere", root), /revision nowhere: is not known to git here/);
});

test("another revision's files are there while they are needed, and leave nothing behind", async (t) => {
  const { root, git } = branchedRepository(t);
  let folder = "";
  const text = await withRevision(
    git("rev-parse", "main"),
    async (checkout) => {
      folder = checkout;
      return readFileSync(join(checkout, "file"), "utf8");
    },
    root,
  );
  assert.equal(text, "second");
  await assert.rejects(
    withRevision("main", () => Promise.reject(new Error("broken")), root),
    /broken/,
  );
  assert.throws(() => readdirSync(folder));
  assert.equal(git("worktree", "list").split("\n").length, 1);
  assert.equal(git("status", "--porcelain"), "");
});

test("a stack is planned by the files of its checkout, without Pulumi", async (t) => {
  const home = homeAt(temporaryFolder(t));
  const { planned } = await planStackIn(repository, "dev", home);
  assert.equal(planned.plan.recipe, "starter");
  assert.deepEqual(planned.tags, ["starter-cpu"]);
  assert.equal(planned.repository, "127.0.0.1:5000/strata");
  assert.equal(planned.platform.minimumDriver, "580.65.06");
});

/** Runs `npm run preview` as a program on this clone, with a home of its own. */
function preview(t: TestContext, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const home = temporaryFolder(t);
  const program = join(repository, "tools/commands/preview.ts");
  const env = { ...process.env, STRATA_HOME: home, PULUMI_BACKEND_URL: "", ...environment };
  return execFileSync(process.execPath, [program, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  }).toString();
}

test("off line it needs no home, no Pulumi and no builder, and prints JSON by its schema", (t) => {
  const result = previewSchema.parse(JSON.parse(preview(t, ["--offline", "--json", "--stack", "dev"])));
  const [stack] = result.stacks;
  assert.ok(stack?.verdict === "new");
  assert.deepEqual(stack.comparedWith, { kind: "nothing", why: "the stack has not been updated yet" });
});

test("a revision that is this one has no change", (t) => {
  const result = previewSchema.parse(JSON.parse(preview(t, ["--base", "HEAD", "--json", "--stack", "dev"])));
  const [stack] = result.stacks;
  assert.ok(stack && stack.verdict !== "failed");
  assert.equal(stack.comparedWith.kind, "revision");
});

test("in a pipe there are no colours", (t) => {
  assert.ok(!preview(t, ["--offline", "--stack", "dev"], { FORCE_COLOR: undefined }).includes("\u001b["));
});

test("a name that is nearly a stack's gets a suggestion; an unknown option is no bug", (t) => {
  assert.throws(
    () => preview(t, ["--stack", "devv"]),
    /there is no Pulumi\.devv\.yaml\. Did you mean "dev"\?/,
  );
  assert.throws(() => preview(t, ["--stak", "dev"]), /strata: Unknown option '--stak'/);
});
