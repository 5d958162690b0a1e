/** What a builder's instance does beside building: it ends in time, when EC2 wants it, and when nobody does. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { builderData } from "../../../../lib/hosts/fleet.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

/** Looks after a process as after buildkitd; `functions` stand in for the script's own. */
function lookAfter(t: TestContext, functions: string, seconds = 20) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "user-data"), builderData(60, "nowhere"));
  script(join(folder, "bin", "shutdown"), `echo "$*" >${folder}/shutdown`);
  const lines = [
    "source ./user-data",
    functions,
    'sleep 100 >/dev/null & pid="$!"',
    `( sleep ${seconds}; kill "$pid" ) >/dev/null 2>&1 & timer="$!"`,
    'look_after "$pid" 2>/dev/null',
    'kill "$timer" 2>/dev/null',
    // What has just ended is still to be buried.
    "sleep 0.3",
    'if kill -0 "$pid" 2>/dev/null; then echo lives; kill "$pid"; fi',
  ];
  const { stdout, stderr } = spawnSync("bash", ["-c", lines.join("\n")], {
    cwd: folder,
    encoding: "utf8",
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      STRATA_SOURCED: "1",
      STRATA_RUN: folder,
      STRATA_IDLE: "2",
    },
  });
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").trim() : "";
  return { said: stdout.trim(), stderr, notice: read("notice"), shutdown: read("shutdown") };
}

test("EC2 wants the instance: buildkitd ends at once, and says why", (t) => {
  const { said, notice, shutdown } = lookAfter(t, "is_taken_back() { true; }\nis_used() { true; }");
  assert.deepEqual([said, notice, shutdown], ["", "EC2 takes the instance back", ""]);
});

test("nobody has been connected for long: the instance ends", (t) => {
  const { notice, shutdown } = lookAfter(t, "is_taken_back() { false; }\nis_used() { false; }");
  assert.deepEqual([notice, shutdown], ["nobody has been connected for 2 seconds", "-P now"]);
});

test("somebody is connected: it goes on, until buildkitd ends by itself", (t) => {
  const { notice, shutdown } = lookAfter(t, "is_taken_back() { false; }\nis_used() { true; }", 6);
  assert.deepEqual([notice, shutdown], ["buildkitd ended by itself", ""]);
});
