/** What actionlint does not look at: pins, rights, and whether the commands that a workflow calls exist. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "../../../home.ts";

const step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const workflow = z.object({
  permissions: z.unknown(),
  env: z.record(z.string(), z.string()).optional(),
  on: z.record(z.string(), z.unknown()),
  jobs: z.record(
    z.string(),
    z.object({
      permissions: z.record(z.string(), z.string()).optional(),
      "timeout-minutes": z.number().optional(),
      env: z.record(z.string(), z.string()).optional(),
      steps: z.array(step),
    }),
  ),
});

const texts = new Map(
  globSync(".github/workflows/*.yml", { cwd: repository })
    .sort()
    .map((path) => [path.split("/").at(-1) ?? "", readFileSync(join(repository, path), "utf8")]),
);
const workflows = [...texts].map(([name, text]) => ({ name, text, ...workflow.parse(parse(text)) }));
const steps = workflows.flatMap(({ name, jobs }) =>
  Object.values(jobs).flatMap((job) => job.steps.map((entry) => ({ name, ...entry }))),
);

test("there are workflows for preview, comment, release, locks and leaks", () => {
  assert.deepEqual(
    [...texts.keys()],
    ["comment.yml", "locks.yml", "preview.yml", "reaper.yml", "release.yml"],
  );
});

test("every action is pinned by a full commit, with its version beside it, and by the same one everywhere", () => {
  const pins = new Map<string, string>();
  for (const { name, text } of workflows) {
    for (const line of text.split("\n").filter((candidate) => /\buses:/.test(candidate))) {
      const pin = /uses: ([\w.-]+\/[\w.-]+)(?:\/[\w./-]+)?@([0-9a-f]{40}) # v\d+\.\d+\.\d+$/.exec(line);
      assert.ok(pin, `${name}: ${line.trim()}`);
      const [, action = "", commit = ""] = pin;
      assert.equal(pins.get(action) ?? commit, commit, action);
      pins.set(action, commit);
    }
  }
  assert.equal(pins.size, 6);
});

test("nothing is allowed but what each job says, and each job ends some time", () => {
  for (const { name, permissions, jobs } of workflows) {
    assert.deepEqual(permissions, {}, name);
    for (const [job, { permissions: rights, "timeout-minutes": minutes }] of Object.entries(jobs)) {
      assert.ok(rights && minutes, `${name}: ${job}`);
    }
  }
});

test("the code of a pull request meets no secret and no right to write", () => {
  assert.ok(workflows.every(({ on }) => !("pull_request_target" in on)));
  const open = workflows.filter(({ on }) => "pull_request" in on);
  assert.deepEqual(
    open.map(({ name }) => name),
    ["preview.yml"],
  );
  for (const { text, jobs } of open) {
    assert.ok(!/\bsecrets\./.test(text));
    for (const { permissions } of Object.values(jobs)) {
      assert.deepEqual(permissions, { contents: "read", "id-token": "write" });
    }
  }
  // What may write checks out the default branch, never the pull request.
  const comment = workflows.find(({ name }) => name === "comment.yml");
  assert.deepEqual(comment?.jobs.comment?.permissions, {
    contents: "read",
    actions: "read",
    "pull-requests": "write",
  });
  assert.ok(!/\bref:/.test(comment?.text ?? ""));
});

test("a token is given to the step that needs it, and to no job that runs code of strangers", () => {
  const isToken = (value: unknown) => /\bsecrets\b|\bgithub\.token\b/.test(JSON.stringify(value ?? {}));
  // Those of a pull request, and packages that the resolver builds to ask what they need.
  const strangers = /\bnpm run (?:--silent )?lock -- (?!--check)/;
  const open: string[] = [];
  for (const { name, env, on, jobs } of workflows) {
    assert.ok(!isToken(env), `${name}: every step has it`);
    for (const [job, { env: ofJob, permissions = {}, steps: ofSteps }] of Object.entries(jobs)) {
      assert.ok(!isToken(ofJob), `${name}: every step of ${job} has it`);
      if (!("pull_request" in on) && !ofSteps.some(({ run = "" }) => strangers.test(run))) continue;
      open.push(`${name}: ${job}`);
      assert.ok(!isToken(ofSteps), `${name}: ${job}`);
      // What the role of a preview may do is in docs/continuous-integration.md.
      const { "id-token": _, ...rights } = permissions;
      assert.deepEqual(rights, { contents: "read" }, `${name}: ${job}`);
      if (!("pull_request" in on)) assert.ok(!("id-token" in permissions), `${name}: ${job}`);
    }
  }
  assert.deepEqual(open, ["locks.yml: refresh", "preview.yml: preview"]);
});

test("no script has text of others put into it, and no checkout keeps its credentials", () => {
  for (const { name, run, uses, with: inputs } of steps) {
    assert.ok(!run?.includes("${{"), `${name}: ${run}`);
    if (uses?.startsWith("actions/checkout@")) assert.equal(inputs?.["persist-credentials"], false, name);
  }
});

test("every command that a workflow calls exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const makefile = readFileSync(join(repository, "Makefile"), "utf8");
  for (const { name, run = "" } of steps) {
    for (const [, script = ""] of run.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      assert.ok(script in scripts, `${name}: npm run ${script}`);
    }
    for (const [, goal = ""] of run.matchAll(/\bmake ([a-z-]+)/g)) {
      assert.match(makefile, new RegExp(`^${goal}:`, "m"), `${name}: make ${goal}`);
    }
    for (const [, program = ""] of run.matchAll(/\bnode (\S+\.ts)/g)) {
      assert.ok(existsSync(join(repository, program)), `${name}: ${program}`);
    }
  }
});

test("an update of a stack is never cut off, and never runs twice at once", () => {
  const { text = "" } = workflows.find(({ name }) => name === "release.yml") ?? {};
  assert.match(text, /concurrency:\n +group: stack-\$\{\{ matrix\.stack \}\}\n +cancel-in-progress: false/);
});
