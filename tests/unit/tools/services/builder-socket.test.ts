import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { builderSocket, makePrivate } from "../../../../tools/services/builder-socket.ts";
import { temporaryFolder } from "../../support/folder.ts";

test("the builder's socket is in the clone, or where its path is short enough for Linux", () => {
  assert.equal(builderSocket(homeAt("/c/.strata"), "/u/.cache/strata"), "/c/.strata/run/buildkitd.sock");
  const deep = homeAt(`/${"deep/".repeat(17)}.strata`);
  assert.match(builderSocket(deep, "/u/.cache/strata"), /^\/u\/\.cache\/strata\/run\/[0-9a-f]{16}\.sock$/);
  assert.notEqual(builderSocket(deep, "/u"), builderSocket(homeAt(`${deep.root}2`), "/u"));
  const last = builderSocket(deep, `/${"x".repeat(90)}`);
  assert.match(last, new RegExp(`^/tmp/strata-${userInfo().uid}/[0-9a-f]{16}\\.sock$`));
  // 107 bytes, not letters, and the second socket beside it counts.
  for (let length = 1; length < 120; length++)
    for (const letter of ["a", "ä"])
      assert.ok(Buffer.byteLength(`${builderSocket(homeAt(`/${letter.repeat(length)}`), "/u")}.otel`) <= 107);
});

test("the folder of the socket is ours alone, and one that is not ours is refused", async (t) => {
  const folder = temporaryFolder(t);
  const own = join(folder, "a/b");
  await makePrivate(own);
  assert.equal(statSync(own).mode & 0o777, 0o700);
  chmodSync(own, 0o755);
  await makePrivate(own);
  assert.equal(statSync(own).mode & 0o777, 0o700);
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "link"));
  await assert.rejects(makePrivate(join(folder, "link")), /link: is not a folder of yours\..*STRATA_HOME/);
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(makePrivate(join(folder, "file")));
});
