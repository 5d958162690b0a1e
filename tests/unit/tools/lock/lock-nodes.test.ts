import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { UserErrors } from "../../../../errors.ts";
import { resolveComfyUi } from "../../../../lib/comfyui/resolve-nodes.ts";
import { nodeLockProblems } from "../../../../lib/lock-making/node-lock-problems.ts";
import { nodeSources } from "../../../../lib/lock-making/node-sources.ts";
import type { NodeLock } from "../../../../lib/locks/node-lock.ts";
import type { Recipe } from "../../../../lib/recipe/recipe.ts";
import { lockNodes } from "../../../../tools/lock/lock-nodes.ts";
import {
  fixtureComfyUi,
  fixtureNode,
  fixtureOrigin,
  fixturePath,
  fixtureResolution,
  makeFixtures,
} from "../../../support/comfyui-fixtures.ts";
import { commitTo, type GitServer, startGitServer } from "../../../support/git-server.ts";
import { sampleRecipe } from "../../../support/layers.ts";

const fixtures: Recipe = { ...sampleRecipe([]), comfyui: fixtureComfyUi, resolution: fixtureResolution };
const withNodes = (...nodes: ReturnType<typeof fixtureNode>[]): Recipe => ({
  ...sampleRecipe([]),
  comfyui: { source: fixtureComfyUi.source, groups: [{ name: "g", summary: "", nodes }] },
});

describe("locking git sources", () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-git-"));
  let server: GitServer;
  let commits: Readonly<Record<string, string>>;
  let locked: NodeLock;
  const lock = async (made: Recipe): Promise<NodeLock> =>
    await lockNodes(nodeSources([made]), { [fixtureOrigin]: server.address });
  const failure = async (made: Recipe): Promise<Error> =>
    await lock(made).then(
      () => assert.fail("was locked"),
      (error: Error) => error,
    );

  before(async () => {
    commits = await makeFixtures(folder);
    server = await startGitServer(folder);
    locked = await lock(fixtures);
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test("every source gets its commit and its own address, never the mirror's", () => {
    for (const [name, { commit, repository, ref }] of Object.entries(locked.repositories)) {
      const short = name.split("/")[1] ?? "";
      assert.equal(commit, commits[short], name);
      assert.equal(repository, `${fixtureOrigin}fixtures/${short}`);
      assert.equal(ref, short === "ComfyUI" ? "v0.33.0" : "HEAD");
    }
    assert.equal(Object.keys(locked.repositories).length, 12);
    assert.deepEqual(locked.packages, {
      "fixture-tool": {
        repository: `${fixtureOrigin}fixtures/tool`,
        ref: "HEAD",
        commit: commits.tool,
        version: "4.5.6",
      },
    });
    assert.deepEqual(nodeLockProblems([fixtures], locked), []);
    assert.doesNotThrow(() => resolveComfyUi(fixtureComfyUi, locked, {}));
  });

  test("what each kind of node brings is in the lock", () => {
    const { repositories } = locked;
    const of = (name: string) => repositories[`fixtures/${name}`];
    assert.equal(of("ComfyUI")?.version, "0.33.0");
    assert.deepEqual(of("ComfyUI")?.requirements, { "requirements.txt": ["packaging>=23.0", "idna"] });
    assert.equal(of("plain")?.version, "1.2.3");
    assert.deepEqual(of("requirements")?.requirements, {
      "requirements.txt": ["six>=1.15", "idna", "packaging   >=23"],
    });
    assert.match(of("requirements")?.warnings[0] ?? "", /sets --extra-index-url/);
    assert.deepEqual(of("two-files")?.requirements, { "requirements-no-cupy.txt": ["six"] });
    assert.deepEqual(of("installer")?.scripts, ["install.py"]);
    assert.deepEqual(of("prestartup")?.scripts, ["prestartup_script.py"]);
    assert.deepEqual(of("pointer")?.pointers, ["models/large.bin"]);
    assert.match(of("address")?.warnings.join() ?? "", /is an address, which nothing pins/);
    assert.deepEqual(of("calls-pip")?.warnings, ["__init__.py:6 calls pip"]);
    assert.deepEqual(of("submodule")?.submodules, [
      {
        path: "extern/library",
        repository: `${fixtureOrigin}fixtures/library`,
        commit: commits.library,
      },
      { path: "extern/library/inner", repository: `${fixtureOrigin}fixtures/inner`, commit: commits.inner },
    ]);
  });

  test("a submodule that is left out is not fetched; one that is not there is an error", async () => {
    const node = (path: string) => fixtureNode("submodule", { omit: { [path]: "not needed" } });
    const { repositories } = await lock(withNodes(node("extern/library/inner")));
    assert.deepEqual(
      repositories["fixtures/submodule"]?.submodules.map(({ path }) => path),
      ["extern/library"],
    );
    assert.match((await failure(withNodes(node("docs")))).message, /has no submodule docs/);
  });

  test("all that cannot be locked is told together", async () => {
    const error = await failure(
      withNodes(
        fixtureNode("plain"),
        fixtureNode("two-files", { requirements: ["other.txt"] }),
        fixtureNode("tool", { ref: "no-such-branch" }),
        { repository: `${fixtureOrigin}fixtures/nowhere` },
      ),
    );
    assert.ok(error instanceof UserErrors);
    assert.equal(error.errors.length, 3);
    assert.match(error.message, /fixtures\/two-files: has no other\.txt; it has requirements-no-cupy\.txt/);
    assert.match(error.message, /fixtures\/tool: has no branch or tag "no-such-branch"/);
    assert.match(error.message, /fixtures\/nowhere: cannot be read from git:\/\/127\.0\.0\.1/);
  });

  test("requirements are read in every UTF-16, and what is no text is refused by node and file", async () => {
    const text = "numpy<2\r\nsix\r\n";
    const little = Buffer.from(text, "utf16le");
    for (const [name, bytes] of [
      ["utf16le", little],
      ["utf16be", Buffer.from(little).swap16()],
      ["utf16be-marked", Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
    ] as const) {
      await commitTo(fixturePath(folder, name), { files: { "requirements.txt": bytes } });
      const { repositories } = await lock(withNodes(fixtureNode(name)));
      assert.deepEqual(
        repositories[`fixtures/${name}`]?.requirements,
        { "requirements.txt": ["numpy<2", "six"] },
        name,
      );
    }
    const archive = Buffer.from("PK\x03\x04\0\0\0\0archive");
    await commitTo(fixturePath(folder, "archive"), { files: { "requirements.txt": archive } });
    const error = await failure(withNodes(fixtureNode("archive")));
    assert.match(error.message, /fixtures\/archive requirements\.txt: is neither UTF-8 nor UTF-16 text/);
  });

  test("a submodule whose commit is gone is an error that names it", async () => {
    await commitTo(fixturePath(folder, "lost"), {
      files: { "__init__.py": "" },
      submodules: { extern: { url: "../library.git", commit: "1".repeat(40) } },
    });
    const error = await failure(withNodes(fixtureNode("lost")));
    assert.match(error.message, /fixtures\/lost extern: cannot be read .*\n.*not our ref/);
    assert.match(error.message, /can be left out \(`omit`\)/);
  });

  test("branches, tags and commits can be named, and a node that moved is seen", async () => {
    const path = fixturePath(folder, "moving");
    const first = await commitTo(path, { files: { "a.py": "" }, tag: "v1" });
    const second = await commitTo(path, { files: { "b.py": "" } });
    const at = async (ref?: string) =>
      (await lock(withNodes(fixtureNode("moving", ref ? { ref } : {})))).repositories["fixtures/moving"]
        ?.commit;
    assert.notEqual(first, second);
    assert.deepEqual(await Promise.all([undefined, "main", "v1", "refs/tags/v1", first].map(at)), [
      second,
      second,
      first,
      first,
      first,
    ]);
  });
});
