import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { strToU8, zipSync } from "fflate";
import { repository } from "../../../../home.ts";
import { wheelRecord } from "../../../support/osv-records.ts";
import { plannedBy } from "../../../support/preview.ts";
import { temporaryFolder } from "../../support/folder.ts";

const fastapi = plannedBy(repository).plan.components.find(({ name }) => name === "fastapi");

test("a plan is asked about before it is built: a table or JSON, an allow-list, and a gate by its status", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "PyPI"));
  const record = wheelRecord("GHSA-a", "fastapi", "999", { aliases: ["CVE-2026-1"] });
  writeFileSync(join(folder, "PyPI", "all.zip"), zipSync({ "GHSA-a.json": strToU8(JSON.stringify(record)) }));
  const allow = join(folder, "allowed.yaml");
  writeFileSync(allow, "- {id: GHSA-a, reason: nobody asks, expires: 2999-01-01}\n");
  const run = async (...words: string[]) => {
    const command = ["tools/commands/vulnerabilities.ts", "dev", "--plan", "--database", folder, ...words];
    return await execa(process.execPath, command, {
      cwd: repository,
      env: { STRATA_HOME: folder },
      reject: false,
    });
  };
  const table = await run();
  assert.equal(table.exitCode, 0, table.stderr);
  assert.match(table.stdout, new RegExp(`critical 9\\.8 .*CVE-2026-1 .*fastapi .*${fastapi?.version} .*999`));
  assert.match(table.stderr, /packages that the base image brings are in no plan/);
  assert.match(table.stderr, /has no answer for \d+ parts: Debian:12, whose all\.zip is not there/);
  mkdirSync(join(folder, "Debian"));
  writeFileSync(join(folder, "Debian", "all.zip"), zipSync({}));
  const { stdout, exitCode } = await run("--json", "--gate", "high");
  assert.equal(exitCode, 1);
  const { found, stopped, image } = JSON.parse(stdout);
  assert.deepEqual([found.length, stopped, image], [1, 1, "the plan of dev"]);
  const allowed = await run("--gate", "high", "--allow", allow);
  assert.equal(allowed.exitCode, 0, allowed.stderr);
  assert.match(allowed.stdout, /allowed until 2999-01-01: nobody asks/);
  const wrong = await run("--gate", "bad");
  assert.match(wrong.stderr, /--gate: expected one of off, critical, high, medium, low, got "bad"/);
});
