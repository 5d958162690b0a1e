/** What the preview says of a change, and what the update then really did, with the real engine and builder. */
import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Cause, type StageChange, stageChanges } from "../../lib/plan/stage-changes.ts";
import { smallLayers } from "./support/small-layers.ts";
import type { SmallVariant } from "./support/small-variant.ts";
import { openTestStack, type StackUpdate, type TestStack } from "./support/stack.ts";

let stack: TestStack;
let last: StackUpdate;
before(async () => {
  stack = await openTestStack();
  last = await stack.up();
});
after(() => stack?.close());

interface Change {
  /** What is done to the layers' files. */
  readonly edit?: () => void;
  readonly variant?: SmallVariant;
  /** `kind name` of what made each stage change. */
  readonly causes: Readonly<Record<string, readonly string[]>>;
  readonly created?: readonly string[];
  readonly removed?: readonly string[];
  /** Stages that have to be asked for again, and turn out to be the same. */
  readonly spared?: readonly string[];
}

const write = (path: string, text: string) => () => stack.edit(path, text);
const product = "file recipes/small.ts (image configuration)";
const dockerfile = (name: string, line: string) =>
  write(`${name}/Dockerfile`, `${line}\n${smallLayers[`${name}/Dockerfile`]}`);

/** Each begins with the small product as it is at first. */
const changes: Readonly<Record<string, Change>> = {
  "a file": { edit: write("b/value", "2\n"), causes: { b: ["file layers/b/value"], small: ["parent b"] } },
  "a file of a stage that others are built from": {
    edit: write("a/value", "2\n"),
    causes: { a: ["file layers/a/value"], b: ["parent a"], small: ["parent a", "parent b"] },
  },
  "a new file that no step takes": {
    edit: write("b/more", "unused\n"),
    causes: { b: ["file layers/b/more"], small: ["parent b"] },
    spared: ["small"],
  },
  "a file that can be executed": {
    edit: () => chmodSync(stack.pathOf("b/value"), 0o755),
    causes: { b: ["file layers/b/value"], small: ["parent b"] },
  },
  "a file that is shared": {
    edit: write("shared/note", "for c and others\n"),
    causes: { c: ["file layers/shared/note"], small: ["parent c"] },
    spared: ["small"],
  },
  "a comment in a Dockerfile": {
    edit: dockerfile("a", "# a comment"),
    causes: { a: ["file layers/a/Dockerfile"], b: ["parent a"], small: ["parent a", "parent b"] },
    spared: ["b", "small"],
  },
  "a step of a Dockerfile": {
    edit: write("c/Dockerfile", (smallLayers["c/Dockerfile"] ?? "").replace("/opt/c/bulk", "/opt/c/other")),
    causes: { c: ["file layers/c/Dockerfile"], small: ["parent c"] },
  },
  "a build argument": {
    variant: { args: { c: { LEVEL: "3" } } },
    causes: { c: ["argument LEVEL"], small: ["parent c"] },
    spared: ["small"],
  },
  "another generation": {
    variant: { generation: "ada" },
    causes: { b: ["argument GENERATION"], small: [product, "parent b"] },
  },
  "a pin": {
    variant: { pins: { a: { source: "1".repeat(40) } } },
    causes: { a: ["pin source"], b: ["parent a"], small: ["parent a", "parent b"] },
    spared: ["b", "small"],
  },
  "a package": {
    variant: { packageVersion: "25.3.0" },
    causes: { c: ["package attrs"], small: ["parent c"] },
    spared: ["small"],
  },
  "another parent": {
    variant: { parents: { c: ["a"] }, order: ["a", "c", "b"] },
    causes: { c: ["parent a"], small: [product, "parent c"] },
  },
  "a layer more": {
    variant: { order: ["c", "a", "b", "d"] },
    created: ["d"],
    causes: { small: [product, "parent d"] },
  },
  "a layer less": {
    variant: { order: ["a", "b"] },
    removed: ["c"],
    causes: { small: [product, "parent c"] },
  },
  "another order": {
    variant: { order: ["a", "b", "c"] },
    causes: { small: [product] },
  },
  "how the image runs": {
    variant: { environment: { MODE: "worker" } },
    causes: { small: [product] },
  },
  "another commit": { variant: { revision: "a".repeat(40) }, causes: { small: [product] } },
  "certificates, which are a secret of the build": {
    edit: write("certificates.pem", "-----BEGIN CERTIFICATE-----\nother\n-----END CERTIFICATE-----\n"),
    causes: {},
  },
  "several at once": {
    edit: write("c/value", "2\n"),
    variant: { args: { b: { LEVEL: "3" } }, revision: "b".repeat(40) },
    causes: {
      b: ["argument LEVEL"],
      c: ["file layers/c/value"],
      small: [product, "parent b", "parent c"],
    },
  },
  "nothing at all": { causes: {} },
};

for (const [title, change] of Object.entries(changes)) {
  test(`the update does what the preview said: ${title}`, async () => {
    await asAtFirst();
    const known = last.stages;
    change.edit?.();
    if (change.variant) stack.edit("variant.json", JSON.stringify(change.variant));

    const said = stageChanges(keyed(last), plannedNow());
    assert.deepEqual(causesOf(said), sorted(change.causes));
    assert.deepEqual(namesOf(said, "create"), change.created ?? []);
    assert.deepEqual(namesOf(said, "remove"), change.removed ?? []);

    last = await stack.up();
    const done = Object.entries(last.changed).map(([name, operation]) => `${operation} ${short(name)}`);
    const expected = said.flatMap(({ stage, verdict }) => {
      if (verdict === "unchanged") return [];
      if (verdict === "remove") return [`delete ${stage}`];
      return [`${verdict === "create" ? "create" : "update"} ${stage}`];
    });
    assert.deepEqual(done.sort(), expected.sort());
    for (const name of change.spared ?? []) {
      const output = name === "small" ? "product" : name;
      assert.equal(last.stages[output]?.digest, known[output]?.digest, `${name} came out otherwise`);
    }
    assert.deepEqual(
      stageChanges(keyed(last), plannedNow()).filter(({ verdict }) => verdict !== "unchanged"),
      [],
      "after the update the preview sees nothing to do",
    );
  });
}

/** Files as at first, and a stack that is built from them. */
async function asAtFirst(): Promise<void> {
  for (const folder of ["a", "b", "c", "d", "shared", "variant.json"]) {
    rmSync(stack.pathOf(folder), { recursive: true, force: true });
  }
  for (const [path, text] of Object.entries(smallLayers)) stack.edit(path, text);
  last = await stack.up();
}

function plannedNow() {
  const plan = stack.plan();
  return [...plan.stages, plan.product];
}

function keyed({ stages }: StackUpdate) {
  return Object.entries(stages).map(([name, { key, inputs }]) => ({
    name: name === "product" ? "small" : name,
    key,
    inputs,
  }));
}

function causesOf(changed: readonly StageChange[]): Record<string, readonly string[]> {
  const shown = ({ kind, name }: Cause) => `${kind} ${name}`;
  return sorted(
    Object.fromEntries(
      changed.flatMap(({ stage, verdict, causes }) =>
        verdict === "rebuild" ? [[stage, causes.map(shown)] as const] : [],
      ),
    ),
  );
}

function sorted(causes: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.keys(causes)
      .sort()
      .map((name) => [name, causes[name]?.toSorted() ?? []]),
  );
}

function namesOf(changed: readonly StageChange[], wanted: StageChange["verdict"]): string[] {
  return changed.filter(({ verdict }) => verdict === wanted).map(({ stage }) => stage);
}

function short(resource: string): string {
  return resource.replace(/^small-/, "");
}
