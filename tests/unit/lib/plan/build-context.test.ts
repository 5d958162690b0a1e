import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeBuildContext } from "../../../../lib/plan/build-context.ts";
import type { ContextFile } from "../../../../lib/plan/context-files.ts";
import type { Stage } from "../../../../lib/plan/plan.ts";
import { temporaryFolder } from "../../support/folder.ts";

function file(path: string, text: string, executable = false): ContextFile {
  return { path, source: path, executable, content: Buffer.from(text) };
}

const files = [
  file("Dockerfile", "FROM base\n"),
  file("rootfs/opt/strata/run", "#!/bin/sh\n", true),
  file("rootfs/opt/strata/settings.json", "{}\n"),
];

function stage(contents: readonly ContextFile[] = files): Stage {
  return {
    name: "runtime",
    summary: "a stage",
    role: "stage",
    parents: [],
    args: {},
    files: contents,
    inputs: {},
    key: "0123456789abcdef0123",
    cacheKey: "0123456789abcdef0123",
  };
}

/** What lies below `folder`: `mode path`, and the text of files. */
function listing(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const mode = (statSync(path).mode & 0o7777).toString(8);
        return [`${mode} ${path.slice(folder.length + 1)}`, entry.isFile() ? readFileSync(path, "utf8") : ""];
      })
      .sort(),
  );
}

const expected = {
  "644 Dockerfile": "FROM base\n",
  "644 rootfs/opt/strata/settings.json": "{}\n",
  "755 rootfs": "",
  "755 rootfs/opt": "",
  "755 rootfs/opt/strata": "",
  "755 rootfs/opt/strata/run": "#!/bin/sh\n",
};

function withUmask(t: TestContext, mask: number): void {
  const before = process.umask(mask);
  t.after(() => process.umask(before));
}

for (const mask of [0o000, 0o022, 0o077]) {
  test(`modes are the same whatever the umask: ${mask.toString(8).padStart(3, "0")}`, (t) => {
    withUmask(t, mask);
    const folder = temporaryFolder(t);
    const context = writeBuildContext(join(folder, "contexts"), stage());
    assert.equal(context, join(folder, "contexts", "runtime-0123456789abcdef0123"));
    assert.deepEqual(listing(context), expected);
    assert.equal(statSync(context).mode & 0o7777, 0o755);
  });
}

test("a context is written once: what is there is not touched again", (t) => {
  const folder = temporaryFolder(t);
  const context = writeBuildContext(folder, stage());
  const before = statSync(join(context, "Dockerfile"));
  const unread: ContextFile = {
    ...file("Dockerfile", ""),
    get content(): Buffer {
      throw new Error("It was written a second time.");
    },
  };
  assert.equal(writeBuildContext(folder, stage([unread])), context);
  const after = statSync(join(context, "Dockerfile"));
  assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs]);
  assert.deepEqual(readdirSync(folder), ["runtime-0123456789abcdef0123"]);
});

test("nobody meets half a context: it gets its name when it is complete", (t) => {
  const folder = temporaryFolder(t);
  const target = join(folder, "runtime-0123456789abcdef0123");
  let seen: boolean | undefined;
  const last: ContextFile = {
    ...file("last", "x"),
    get content() {
      seen = readdirSync(folder).includes("runtime-0123456789abcdef0123");
      return Buffer.from("x");
    },
  };
  assert.equal(writeBuildContext(folder, stage([...files, last])), target);
  assert.equal(seen, false);
});

test("a second writer that was faster does no harm", (t) => {
  const folder = temporaryFolder(t);
  const target = join(folder, "runtime-0123456789abcdef0123");
  const other = writeBuildContext(join(folder, "other"), stage());
  const last: ContextFile = {
    ...files[2],
    ...file("rootfs/opt/strata/settings.json", ""),
    get content() {
      cpSync(other, target, { recursive: true });
      return Buffer.from("{}\n");
    },
  };
  assert.equal(writeBuildContext(folder, stage([...files.slice(0, 2), last])), target);
  assert.deepEqual(listing(target), expected);
  assert.deepEqual(readdirSync(folder).sort(), ["other", "runtime-0123456789abcdef0123"]);
});

test("what an interrupted run of the same process id left behind does not get into a context", (t) => {
  const folder = temporaryFolder(t);
  const draft = join(folder, `runtime-0123456789abcdef0123.${process.pid}`);
  mkdirSync(draft);
  writeFileSync(join(draft, "stray"), "");
  assert.deepEqual(listing(writeBuildContext(folder, stage())), expected);
});

test("a context that cannot be put in place is an error, unless somebody else put it there", (t) => {
  const folder = temporaryFolder(t);
  symlinkSync("nowhere", join(folder, "runtime-0123456789abcdef0123"));
  assert.throws(() => writeBuildContext(folder, stage()), /ENOTDIR/);
  assert.deepEqual(readdirSync(folder), ["runtime-0123456789abcdef0123"], "no draft is left");
});

test("a stage without files has an empty context", (t) => {
  const folder = temporaryFolder(t);
  const context = writeBuildContext(folder, stage([]));
  assert.deepEqual(readdirSync(context), []);
  assert.equal(statSync(context).mode & 0o7777, 0o755);
});
