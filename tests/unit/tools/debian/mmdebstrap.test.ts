import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mmdebstrapArguments, rootContext } from "../../../../tools/debian/mmdebstrap.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

test("a base is bootstrapped once a day for all clones, and former days' go", async (t) => {
  const folder = temporaryFolder(t);
  const kept = join(folder, "base");
  const calls = join(folder, "calls");
  const path = join(folder, "mmdebstrap");
  script(path, `for tar; do :; done; echo x >> '${calls}'; echo "made $(wc -l < '${calls}')" > "$tar"`);
  const mmdebstrap = { path, version: "1.3.5" };
  const at = (time: string, suite = "bookworm") =>
    rootContext(mmdebstrap, suite, { kept, now: new Date(time) });
  const read = (context: string) => readFileSync(join(context, "rootfs.tar"), "utf8").trim();

  const [first, beside] = await Promise.all([at("2026-11-29T00:10:00Z"), at("2026-11-29T23:50:00Z")]);
  assert.equal(first, beside);
  assert.equal(read(first), "made 1");
  assert.match(readFileSync(join(first, "Dockerfile"), "utf8"), /ADD rootfs\.tar/);

  const trixie = await at("2026-11-29T12:00:00Z", "trixie");
  mkdirSync(join(kept, "notes"));
  const next = await at("2026-11-30T00:00:00Z");
  assert.equal(read(next), "made 3");
  assert.equal(existsSync(first), false);
  // Another suite's and what is not ours stay.
  assert.deepEqual(readdirSync(kept).length, 3);
  assert.equal(read(trixie), "made 2");
  // Another mmdebstrap may make another base.
  assert.notEqual(
    await rootContext({ path, version: "1.4" }, "bookworm", { kept, now: new Date("2026-11-30T00:00:00Z") }),
    next,
  );
});

test("a bootstrap that fails leaves nothing, and the next one goes on", async (t) => {
  const folder = temporaryFolder(t);
  const kept = join(folder, "base");
  const path = join(folder, "mmdebstrap");
  script(path, 'for tar; do :; done; echo half > "$tar"; echo "no mirror"; exit 1');
  const now = new Date("2026-11-29T12:00:00Z");
  await assert.rejects(
    rootContext({ path, version: "1" }, "bookworm", { kept, now }),
    /base image of Debian bookworm: mmdebstrap failed:\n {2}no mirror/,
  );
  script(path, 'for tar; do :; done; echo whole > "$tar"');
  const context = await rootContext({ path, version: "1" }, "bookworm", { kept, now });
  assert.deepEqual(readdirSync(kept), [context.split("/").at(-1)]);
  assert.equal(readFileSync(join(context, "rootfs.tar"), "utf8"), "whole\n");
});

test("a suite before its release may be older than its index says, a released one may not", () => {
  const takesOld = (suite: string) =>
    mmdebstrapArguments(suite, "x.tar").join(" ").includes("Check-Valid-Until");
  assert.deepEqual(["bookworm", "trixie", "forky"].map(takesOld), [false, false, true]);
});
