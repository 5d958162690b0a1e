/** Documents name only what is there. A planted mistake of each kind shows that its check sees it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { settingsSchema } from "../../config.ts";
import { repository } from "../../home.ts";
import { floors } from "../../tools/lint/rooms.ts";
import { type Document, documentProblems, hasFile, type Repository } from "../support/documents.ts";
import type { Schema } from "../support/settings-schema.ts";

/** Of the folders that begin with a dot, these are the repository's; the others are the machine's. */
const dotted = [".ci", ".github"];

function filesBelow(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    const skipped =
      entry.name === "node_modules" || (entry.name.startsWith(".") && !dotted.includes(entry.name));
    return skipped ? [] : filesBelow(path);
  });
}

const files = filesBelow("");
const texts = new Map<string, string>();
function read(path: string): string {
  const text = texts.get(path) ?? readFileSync(join(repository, path), "utf8");
  texts.set(path, text);
  return text;
}

const documents = files.filter((path) => path.endsWith(".md"));
const sources = files.filter(
  (path) => !path.endsWith(".md") && !/^(?:locks|recipes\/models)\/|\.(?:png|webp|lock)$|go\.sum$/.test(path),
);
const code = sources
  .filter((path) => path !== "tests/unit/docs.test.ts")
  .map(read)
  .join("\n");

const there: Repository = {
  files,
  read,
  settings: z.toJSONSchema(settingsSchema, { io: "input", unrepresentable: "any" }) as Schema,
  makeTargets: new Set([...read("Makefile").matchAll(/^([a-z][\w-]*):/gm)].map(([, name = ""]) => name)),
  npmScripts: new Set(Object.keys(JSON.parse(read("package.json")).scripts)),
  variables: new Set(code.match(/\bSTRATA_[A-Z][A-Z0-9_]*\b/g)),
};

for (const path of documents) {
  test(`${path}: every file, name, setting, command and variable in it exists`, () => {
    const problems = documentProblems({ path, text: read(path) }, there);
    // It is history: what it names was there in its time, but its links lead somewhere.
    const isPast = (problem: string) => path === "CHANGELOG.md" && !problem.startsWith("link");
    assert.deepEqual(
      problems.filter((problem) => !isPast(problem)),
      [],
    );
  });
}

const planted: Readonly<Record<string, readonly string[]>> = {
  "See [plan](../lib/plan/paln.ts).": ["link to ../lib/plan/paln.ts"],
  "See [paln.ts](../lib/plan/plan.ts).": ["link called paln.ts to ../lib/plan/plan.ts", "file paln.ts"],
  "See [invariants](invariants.md#9-nothing).": ["heading invariants.md#9-nothing"],
  "It is in `lib/plan/paln.ts`, tested by paln.test.ts, for `layers/<name>/paln.ts`.": [
    "file lib/plan/paln.ts",
    "file paln.test.ts",
    "file layers/<name>/paln.ts",
  ],
  "Measured in `facts/peer.md`.": ["file facts/peer.md"],
  "All of `lib/plans/` and `lib/plan/`.": ["folder lib/plans/"],
  "It is at plan.ts:12 and [there](../lib/plan/plan.ts#L3).": [
    "line plan.ts:12",
    "line ../lib/plan/plan.ts#L3",
  ],
  "`lib/plan/key.ts` (3 lines) is short.": ["3 lines of lib/plan/key.ts"],
  "`stageKey` and `stageLock` in [lib/plan/key.ts](../lib/plan/key.ts).": ["stageLock in lib/plan/key.ts"],
  "Raise `formats` in `lib/plan/key.ts`.": ["formats in lib/plan/key.ts"],
  "Set `strata:regsitry`, `strata:registry.pasword` and `strata:copies[0].kind`.": [
    "setting strata:regsitry",
    "setting strata:registry.pasword",
  ],
  "`strata:llama: {vmn: true}` or `strata:mirrors: {https://a/: https://b/}`.": ["setting strata:llama.vmn"],
  "```yaml\nconfig:\n  strata:host: { kind: aws, regoin: us-east-1 }\n```": ["setting strata:host.regoin"],
  "Type `make upp`, or `npm run lokc -- all`. Then make sure.": ["npm run lokc", "make upp"],
  "```sh\nmake upp  # make sure\nnpm run --silent lokc\n```": ["npm run lokc", "make upp"],
  "Set `STRATA_HOEM`.": ["STRATA_HOEM"],
};

for (const [text, problems] of Object.entries(planted)) {
  test(`seen: ${problems.join(", ")}`, () => {
    const document: Document = { path: "docs/planted.md", text };
    assert.deepEqual(documentProblems(document, there).toSorted(), problems.toSorted());
  });
}

/** What stands for a figure that somebody meant to fill in: `DISKPEAK times the model`. */
const placeholder = /\b(?:TODO|TBD|FIXME|XXX+|[A-Z]{6,} (?:times|seconds|minutes|GB|MB|%))(?![\w-])/g;

test("no document has a placeholder where a figure belongs", () => {
  assert.deepEqual("DISKPEAK times the model, DISKLEFT times afterwards, TBD".match(placeholder), [
    "DISKPEAK times",
    "DISKLEFT times",
    "TBD",
  ]);
  const prose = (text: string) => text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
  const found = documents.flatMap((path) =>
    (prose(read(path)).match(placeholder) ?? []).map((word) => [path, word]),
  );
  assert.deepEqual(found, []);
});

test("the documents that code names exist", () => {
  const named = sources.flatMap((path) =>
    [...read(path).matchAll(/\bdocs\/[\w/.-]+\.md\b/g)].map(([name]) => ({ path, name })),
  );
  assert.ok(named.length > 5);
  const own = "tests/unit/docs.test.ts";
  assert.deepEqual(
    named.filter(({ path, name }) => path !== own && !hasFile(files, name)),
    [],
  );
});

test("the tests that show an invariant have these titles", () => {
  const told = [
    ...read("docs/invariants.md").matchAll(/^- \*\*Tests\*\*: ([\s\S]*?)(?=\n- \*\*|\n\n|\n$)/gm),
  ];
  const titles = told.flatMap(([, item = ""]) =>
    [...item.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title),
  );
  const tests = files
    .filter((path) => path.endsWith(".test.ts"))
    .map(read)
    .join("\n");
  // "…" stands for what a document leaves out.
  const isTitle = (title: string) =>
    title.split("…").every((part) => tests.includes(part.replaceAll(/\s+/g, " ").trim()));
  const missing = titles.filter((title) => !isTitle(title));
  assert.ok(titles.length > 20);
  assert.deepEqual(missing, []);
});

test("the order of rooms is told as it is held", () => {
  const lines = read("docs/architecture/06-rooms.md").matchAll(/^\d+\. (.*)$/gm);
  const told = [...lines].map(([, line = ""]) => [...line.matchAll(/`([^`]+)`/g)].map(([, room]) => room));
  assert.deepEqual(told, floors);
});

/** Folders whose rooms have a line each in a README. */
const houses = ["components", "lib", "oci", "tools"];

/** Rooms without a line, and lines without a room. */
function roomProblems(rooms: readonly string[], text: string): string[] {
  const lines = [...text.matchAll(/^- \[`([\w-]+)\/`\]\(\1\/\): \S/gm)].map(([, room = ""]) => room);
  const extra = lines.filter((line, index) => !rooms.includes(line) || lines.indexOf(line) !== index);
  return [...rooms.filter((room) => !lines.includes(room)), ...extra.map((line) => `${line}?`)];
}

for (const house of houses) {
  const rooms = readdirSync(join(repository, house), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  if (rooms.length === 0) continue;
  test(`${house}/README.md has a line for each room, and no other`, () => {
    assert.deepEqual(roomProblems(rooms, read(`${house}/README.md`)), []);
  });
}

test("seen: a room without a line, a line without a room, and one twice", () => {
  const text = "- [`plan/`](plan/): stages.\n- [`gone/`](gone/): was here.\n- [`plan/`](plan/): again.\n";
  assert.deepEqual(roomProblems(["plan", "gpu"], text), ["gpu", "gone?", "plan?"]);
});
