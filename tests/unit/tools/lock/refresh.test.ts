import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { UserErrors } from "../../../../errors.ts";
import type { ImageLock } from "../../../../lib/locks/image-lock.ts";
import { formatNodeLock, type NodeLock, nodeLockPath } from "../../../../lib/locks/node-lock.ts";
import { lockHeader, lockInputs, lockPath } from "../../../../lib/plan/lock-inputs.ts";
import type { Recipe } from "../../../../lib/recipe/recipe.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { checkLocks } from "../../../../tools/lock/check.ts";
import { lockImages } from "../../../../tools/lock/lock-images.ts";
import { pythonLocks } from "../../../../tools/lock/lock-python.ts";
import { readMirrors } from "../../../../tools/lock/mirror-options.ts";
import { unusedExceptionNotes } from "../../../../tools/lock/unused-exceptions.ts";
import { writeLocks } from "../../../../tools/lock/write-locks.ts";
import { sampleLayer, sampleRecipe } from "../../../support/layers.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { temporaryFolder } from "../../support/folder.ts";

const made: Recipe = sampleRecipe([sampleLayer("app", [], { python: () => ({ image: ["six"] }) })]);
const nodes: NodeLock = { repositories: {}, packages: {} };
const pinned = `six==1.17.0 \\\n    --hash=sha256:${"1".repeat(64)}\n    # via -r layer-app.in\n`;

/** A folder whose locks fit, but for what a test puts in their place. */
function locksOf(context: TestContext, body = pinned, nodeText = formatNodeLock(nodes)): string {
  const root = temporaryFolder(context);
  mkdirSync(join(root, "locks/python"), { recursive: true });
  writeFileSync(join(root, nodeLockPath), nodeText);
  for (const name of pythonLocks("none", made)) {
    writeFileSync(
      join(root, lockPath(name)),
      `${lockHeader(name, made, lockInputs(made, name, nodes), body)}${body}`,
    );
  }
  return root;
}
const [first] = pythonLocks("none", made);
const firstPath = first ? lockPath(first) : "";
const check = (root: string) => checkLocks({ root, recipes: [made] }, ["nodes", "python"]);

test("locks that fit pass the check", (context) => {
  assert.doesNotThrow(() => check(locksOf(context)));
});

test("an edited version, a missing hash, a missing and an outdated lock are told together", (context) => {
  const root = locksOf(context);
  const edit = (path: string, change: (text: string) => string) =>
    writeFileSync(join(root, path), change(readFileSync(join(root, path), "utf8")));
  const [a, b, c] = pythonLocks("none", made).map(lockPath);
  edit(a ?? "", (text) => text.replace("1.17.0", "1.16.0"));
  edit(b ?? "", (text) => text.replace(/ \\\n {4}--hash=\S+/, ""));
  edit(c ?? "", (text) => text.replace(/inputs: sha256:./, "inputs: sha256:x"));
  edit(nodeLockPath, (text) => text.replace('"packages": {}', '"packages": {"x": {}}'));
  assert.throws(
    () => check(root),
    (error: Error) => /nodes\.json: packages\.x\.repository: is missing/.test(error.message),
  );
  writeFileSync(join(root, nodeLockPath), formatNodeLock(nodes));
  assert.throws(
    () => check(root),
    (error: UserErrors) => {
      assert.match(error.message, new RegExp(`${a}: was edited by hand`));
      assert.match(error.message, new RegExp(`${b}: was edited by hand`));
      assert.match(error.message, /six==1\.17\.0 has no sha256/);
      assert.match(error.message, new RegExp(`${c}: was made for other requirements`));
      assert.equal(error.errors.length, 4);
      return true;
    },
  );
});

test("a recipe may be without a lock for a young Python; one that is there has to fit", (context) => {
  const root = locksOf(context);
  const path = join(root, "locks/python", "test-py3.14t-cu13.0.txt");
  rmSync(path);
  assert.doesNotThrow(() => check(root));
  writeFileSync(path, "# made by hand\n");
  assert.throws(() => check(root), /test-py3\.14t-cu13\.0\.txt: was made for other requirements/);
});

test("locks are made for Pythons that a base brings, that are asked for, or that have one", (context) => {
  const root = temporaryFolder(context);
  mkdirSync(join(root, "locks/python"), { recursive: true });
  const entry = { licences: "", source: "", digest: `sha256:${"0".repeat(64)}` };
  const base = (python: string) => ({ ...entry, python, reference: "registry.example.com/base:1" });
  writeFileSync(join(root, "locks/images.json"), JSON.stringify({ a: base("3.11"), b: base("3.12") }));
  const names = (...asked: Parameters<typeof pythonLocks>[2][]) =>
    pythonLocks(root, made, ...asked).map(({ python, cuda }) => `${python} ${cuda}`);
  const built = ["3.11 12.8", "3.11 13.0", "3.12 12.8", "3.12 13.0"];
  assert.deepEqual(names(), built);
  assert.deepEqual(names(["3.14t"]), [...built, "3.14t 12.8", "3.14t 13.0"]);
  writeFileSync(join(root, "locks/python/test-py3.14-cu13.0.txt"), "# there\n");
  assert.deepEqual(names(), [...built, "3.14 13.0"]);
});

test("a remedy in the header cannot be taken out or changed", (context) => {
  const decided: Recipe = {
    ...made,
    resolution: { additional: [{ requirement: "idna", reason: "somebody imports it" }] },
  };
  const root = locksOf(context);
  for (const name of pythonLocks("none", decided)) {
    const header = lockHeader(name, decided, lockInputs(decided, name, nodes), pinned);
    assert.match(header, /^# added: idna \(somebody imports it\)$/m);
    writeFileSync(join(root, lockPath(name)), `${header}${pinned}`);
  }
  const checkDecided = () => checkLocks({ root, recipes: [decided] }, ["python"]);
  assert.doesNotThrow(checkDecided);
  const text = readFileSync(join(root, firstPath), "utf8");
  writeFileSync(join(root, firstPath), text.replace("somebody", "nobody"));
  assert.throws(checkDecided, /was edited by hand/);
  writeFileSync(join(root, firstPath), text.replace(/^# added.*\n/m, ""));
  assert.throws(checkDecided, /was edited by hand/);
});

test("without a lock of nodes nothing can be judged, and an unused entry is named", (context) => {
  assert.throws(() => check(locksOf(context, pinned, "")), /locks\/nodes\.json: is missing/);
  const packages = {
    tool: {
      repository: "https://git.example.com/o/tool",
      ref: "HEAD",
      commit: "a".repeat(40),
      version: "1",
    },
  };
  const root = locksOf(context, pinned, formatNodeLock({ ...nodes, packages }));
  assert.throws(() => check(root), /tool: is in locks\/nodes\.json, and no recipe uses it/);
});

test("locks are put in place together, or not at all", async (context) => {
  const root = temporaryFolder(context);
  writeFileSync(join(root, "a"), "old");
  await writeLocks(root, [
    { path: "a", text: "new" },
    { path: "deep/b", text: "new" },
  ]);
  assert.deepEqual(readdirSync(root).sort(), ["a", "deep"]);
  assert.equal(readFileSync(join(root, "deep/b"), "utf8"), "new");

  // A file where a folder should be: the second cannot be written, so the first stays as it is.
  await assert.rejects(
    writeLocks(root, [
      { path: "a", text: "newer" },
      { path: "a/c", text: "x" },
    ]),
  );
  assert.equal(readFileSync(join(root, "a"), "utf8"), "new");
  assert.deepEqual(readdirSync(root).sort(), ["a", "deep"]);
});

test("a run that is killed while it writes leaves every lock whole, and the next one cleans up", async (context) => {
  const root = temporaryFolder(context);
  const files = Array.from({ length: 60 }, (_, index) => ({
    path: `locks/python/${index}.txt`,
    text: "old\n",
  }));
  await writeLocks(root, files);
  const folder = join(root, "locks/python");
  const script = `
    import { writeLocks } from ${JSON.stringify(join(import.meta.dirname, "../../../../tools/lock/write-locks.ts"))};
    const files = Array.from({ length: 60 }, (_, i) => ({ path: "locks/python/" + i + ".txt", text: "new\\n".repeat(200_000) }));
    process.stdout.write("writing");
    await writeLocks(${JSON.stringify(root)}, files);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  const ended = once(child, "exit");
  const leftovers = () => readdirSync(folder).filter((name) => name.endsWith(".tmp"));
  while (leftovers().length < 5 && child.exitCode === null) await sleep(2);
  child.kill("SIGKILL");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.ok(leftovers().length >= 5);
  for (const { path } of files) assert.equal(readFileSync(join(root, path), "utf8"), "old\n");
  // Another run may be writing just now.
  await writeLocks(root, files.slice(0, 1));
  assert.ok(leftovers().length >= 5);
  const yesterday = new Date(Date.now() - 86_400_000);
  for (const name of leftovers()) utimesSync(join(folder, name), yesterday, yesterday);
  await writeLocks(root, files.slice(0, 1));
  assert.deepEqual(leftovers(), []);
});

test("an exception of a cool-down that names nothing in any lock is told of", (context) => {
  const root = locksOf(context);
  const notes = (...names: string[]) =>
    unusedExceptionNotes({ days: 7, except: Object.fromEntries(names.map((name) => [name, "why"])) }, root);
  assert.deepEqual(notes(), []);
  assert.deepEqual(notes("Six"), []);
  assert.deepEqual(notes("sixx", "six", "o/node"), [
    "locks/cool-down.json: except.sixx names nothing in any lock",
    "locks/cool-down.json: except.o/node names nothing in any lock",
  ]);
});

test("a Python lock says its cool-down, and that cannot be changed by hand", (context) => {
  const root = locksOf(context);
  const [name] = pythonLocks("none", made);
  assert.ok(name);
  const header = lockHeader(name, made, lockInputs(made, name, nodes), pinned, "7 days, except six (a fix)");
  assert.match(header, /^# cool-down: 7 days, except six \(a fix\)$/m);
  writeFileSync(join(root, firstPath), `${header}${pinned}`);
  assert.doesNotThrow(() => check(root));
  for (const changed of [header.replace("7 days", "9 days"), header.replace(/^# cool-down.*\n/m, "")]) {
    writeFileSync(join(root, firstPath), `${changed}${pinned}`);
    assert.throws(() => check(root), /was edited by hand/);
  }
});

test("mirrors come from options, before those of the variable", () => {
  assert.deepEqual(readMirrors([], undefined), {});
  assert.deepEqual(
    readMirrors(["https://a/=git://b:1/?x=y"], '{"https://a/": "https://old/", "https://c/": "https://d/"}'),
    { "https://a/": "git://b:1/?x=y", "https://c/": "https://d/" },
  );
  assert.throws(
    () => readMirrors(["https://a/"], ""),
    /--mirror: expected PREFIX=REPLACEMENT, got "https:\/\/a\/"/,
  );
  assert.throws(() => readMirrors([], "[1]"), /STRATA_MIRRORS: expected a JSON object of strings/);
});

test("base images get the digest that their tag has now, and say how it is known", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("bookworm", []);
  const reference = `${registry.host}/${REPOSITORY}:bookworm`;
  const entry = { python: "3.11", licences: "", source: "copied" } as const;
  const lock: ImageLock = {
    moved: { ...entry, reference, digest: `sha256:${"0".repeat(64)}` },
    same: { ...entry, reference, digest },
  };
  const transport = new Transport({ backoffMs: 1, attempts: 1, dockerConfig: "no-such-folder" });
  const fresh = await lockImages(lock, () => {}, transport);
  assert.deepEqual(fresh.moved, {
    ...entry,
    reference,
    digest,
    source: "Asked at its registry, by `npm run lock -- images`.",
  });
  assert.deepEqual(fresh.same, lock.same);

  // One that is too young stays where it was; what does not say when it was made is believed.
  const dated = (tag: string, created: string) => {
    const image = registry.image(tag, [], { architecture: "amd64", os: "linux", created });
    const old = {
      ...entry,
      digest: `sha256:${"0".repeat(64)}`,
      reference: `${registry.host}/${REPOSITORY}:${tag}`,
    };
    return { old, digest: image.digest };
  };
  const images = {
    young: dated("young", new Date(Date.now() - 86_400_000).toISOString()),
    excepted: dated("excepted", new Date(Date.now() - 86_400_001).toISOString()),
    old: dated("old", "2026-01-01T00:00:00Z"),
    silent: dated("silent", "1970-01-01T00:00:00Z"),
  };
  const told: string[] = [];
  const waited = await lockImages(
    Object.fromEntries(Object.entries(images).map(([name, image]) => [name, image.old])),
    () => {},
    transport,
    { coolDown: { days: 7, except: { excepted: "a fix" } }, tell: (text) => told.push(text) },
  );
  assert.deepEqual(waited.young, images.young.old);
  for (const name of ["excepted", "old", "silent"] as const) {
    assert.equal(waited[name]?.digest, images[name].digest, name);
    assert.match(waited[name]?.source ?? "", /images`\. Cool-down: 7 days, except excepted \(a fix\)\.$/);
  }
  assert.equal(told.length, 2);
  assert.match(told[0] ?? "", /^young: the new image is of .*: the old one stays$/);
  assert.match(told[1] ?? "", /^silent: the new image does not say when/);

  const gone = { ...lock, gone: { ...entry, digest, reference: `${registry.host}/${REPOSITORY}:none` } };
  await assert.rejects(
    lockImages(gone, () => {}, transport),
    /:none: registry .* answered 404 for the manifest/,
  );
});
