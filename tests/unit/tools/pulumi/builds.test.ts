import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt, repository } from "../../../../home.ts";
import { historySchema } from "../../../../lib/preview/build-history.ts";
import { Builds, type Operation } from "../../../../tools/pulumi/builds.ts";
import { parseEvent } from "../../../../tools/pulumi/engine-events.ts";
import { endedLine, runningLines } from "../../../../tools/pulumi/live.ts";
import { runPulumi } from "../../../../tools/pulumi/update.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const key = "0123456789abcdef0123";
const urnOf = (name: string) => `urn:pulumi:dev::strata::a$docker-build:index:Image::starter-${name}`;
const component = (name: string) => `urn:pulumi:dev::strata::a$strata:index:ImageStage::starter-${name}`;

/** The events of one image, as the engine writes them. */
function events(name: string, log: string, { op = "create", bytes = 1_000 } = {}): Record<string, object> {
  const inputs = { exports: [{ raw: `type=registry,name=r/strata:stage-${name}-${key},push=true` }] };
  const metadata = { op, urn: urnOf(name), type: "docker-build:index:Image", new: { custom: true, inputs } };
  const measured = {
    ...metadata,
    urn: component(name),
    type: "strata:index:ImageStage",
    new: { outputs: { key, compressedSize: bytes } },
  };
  return {
    begin: { resourcePreEvent: { metadata } },
    log: { diagnosticEvent: { urn: urnOf(name), message: log, severity: "info", ephemeral: true } },
    end: { resOutputsEvent: { metadata } },
    fail: { resOpFailedEvent: { metadata } },
    measured: { resOutputsEvent: { metadata: measured } },
  };
}

const worked = "\u001b[1m#4 [context cuda] load\n#7 [build 1/2] RUN sh\n#7 12.3 Building\n#7 DONE 60.1s";
const answered =
  "#6 [build 1/3] FROM toolbox\n#7 [build 2/3] RUN sh\n#7 CACHED\n#8 [stage-1 1/1] COPY x\n#8 CACHED";

/** A run of these events at one minute each. */
function built(...happened: (object | undefined)[]): Builds {
  let now = Date.UTC(2026, 0, 1);
  const builds = new Builds(() => now);
  for (const event of happened) {
    builds.handle(parseEvent(JSON.stringify(event)) ?? {});
    now += 60_000;
  }
  return builds;
}

const where = { recipe: "starter", generation: "ada" };

test("a stage that was really built is remembered with its time and size", () => {
  const { begin, log, end, measured } = events("torch", worked);
  assert.deepEqual(built(begin, log, end, measured).history(where), [
    { stage: "torch", key, ...where, seconds: 120, bytes: 1_000, at: "2026-01-01T00:02:00.000Z" },
  ]);
  assert.equal(built(begin, log, end).history(where)[0]?.bytes, null);
});

test("what the cache answered, what failed, what goes on and what stayed is not", () => {
  const torch = events("torch", worked);
  assert.deepEqual(built(torch.begin, events("torch", answered).log, torch.end).history(where), []);
  assert.deepEqual(built(torch.begin, torch.end).history(where), [], "nothing is known of its steps");
  assert.deepEqual(built(torch.begin, torch.log, torch.fail).history(where), []);
  assert.deepEqual(built(torch.begin, torch.log).history(where), []);
  const same = events("torch", worked, { op: "same" });
  assert.deepEqual(built(same.begin, same.log, same.end).history(where), []);
});

const plain = (_: string, text: string) => text;
const operation = (name: string, more: Partial<Operation> = {}): Operation => ({
  name,
  verb: "build",
  started: 0,
  failed: false,
  last: "",
  target: undefined,
  steps: new Set(),
  cached: new Set(),
  ...more,
});

test("what has ended is one line, with its time and size", () => {
  assert.equal(
    endedLine(operation("starter-torch", { ended: 46_000, bytes: 553_000_000 }), plain),
    "✔ starter-torch  build, 46s  553 MB",
  );
  assert.equal(
    endedLine(operation("starter-torch", { ended: 61_000, failed: true }), plain),
    "✖ starter-torch  FAILED after 1m 1s",
  );
});

test("what runs shows its time, what is usual, and the end of its log; what is to come is named", () => {
  const operations = [
    operation("starter-cuda", { ended: 1 }),
    operation("starter-torch", { last: `#9 ${"x".repeat(200)}` }),
    operation("starter-llama-cpp", { started: 50_000 }),
  ];
  const awaited = new Map([
    ["starter-torch", 46],
    ["starter-backend", null],
    ["starter", 3],
  ]);
  const lines = runningLines(operations, awaited, { now: 60_000, columns: 80, style: plain });
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? "", /^⠋ starter-torch {6}1m of about 46s {2}#9 x+…$/);
  assert.match(lines[1] ?? "", /^⠋ starter-llama-cpp {2}10s$/);
  assert.equal(lines[2], "  to come: starter-backend, starter");
  for (const line of lines) assert.ok(line.length < 80, line);
  for (const line of runningLines(operations, awaited, { now: 60_000, columns: 20, style: plain })) {
    assert.ok(line.length <= 45, line);
  }
});

test("an update writes its builds into the history of the clone", async (t) => {
  const folder = temporaryFolder(t);
  const { begin, log, end, measured } = events("torch", worked);
  const lines = [begin, log, end, measured].map((event) => JSON.stringify(event)).join("\n");
  const pulumi = script(join(folder, "pulumi"), `cat <<'END'\n${lines}\nEND`);
  const home = homeAt(join(folder, "home"));
  const stack = { name: "dev", folder: repository, project: "strata", pulumi, environment: {} };
  assert.equal(await runPulumi(home, stack, ["up"]), 0);
  const { builds } = historySchema.parse(JSON.parse(readFileSync(home.history, "utf8")));
  assert.deepEqual(
    builds.map(({ stage, recipe, generation, bytes }) => [stage, recipe, generation, bytes]),
    [["torch", "starter", "cpu", 1_000]],
  );
});
