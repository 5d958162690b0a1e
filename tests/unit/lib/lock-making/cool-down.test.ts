import assert from "node:assert/strict";
import { test } from "node:test";
import {
  coolDownWords,
  isTooYoung,
  newestAllowed,
  noCoolDown,
  parseCoolDown,
  resolverOptions,
  undatedPackages,
  unusedExceptions,
  withDays,
} from "../../../../lib/lock-making/cool-down.ts";

const setting = parseCoolDown(
  '{"days": 7, "except": {"Pillow": "CVE-2026-1", "o/node": "its fix\\nis out"}}',
);
const now = Date.parse("2026-11-29T12:00:00Z");

test("without a file there is none, and nothing is said or asked of it", () => {
  assert.deepEqual(parseCoolDown(""), noCoolDown);
  assert.equal(coolDownWords(noCoolDown), undefined);
  assert.equal(newestAllowed(noCoolDown, "six", now), undefined);
  assert.deepEqual(resolverOptions(noCoolDown, now), []);
});

test("a lock says the days and the exceptions with their reasons, in one line", () => {
  assert.equal(coolDownWords(setting), "7 days, except Pillow (CVE-2026-1), o/node (its fix is out)");
  assert.equal(coolDownWords({ days: 1, except: {} }), "1 day");
});

test("everything has to be as old as the days say, but for what is named, however it is written", () => {
  assert.equal(newestAllowed(setting, "six", now)?.toISOString(), "2026-11-22T12:00:00.000Z");
  assert.equal(newestAllowed(setting, "pillow", now), undefined);
  assert.equal(newestAllowed(setting, "o/node", now), undefined);
  assert.deepEqual(resolverOptions(setting, now), [
    "--exclude-newer",
    "2026-11-22T12:00:00.000Z",
    "--exclude-newer-package",
    "pillow=false",
  ]);
});

test("days that are none, reasons that are missing and fields that nobody knows are refused", () => {
  for (const [text, problem] of [
    ['{"days": -1}', /cool-down\.json: days/],
    ['{"days": 1.5}', /cool-down\.json: days/],
    ['{"days": "7"}', /cool-down\.json: days/],
    ['{"days": 4000}', /cool-down\.json: days/],
    ['{"except": {}}', /cool-down\.json: days/],
    ['{"days": 7, "except": {"six": " "}}', /except\.six: .*reason/],
    ['{"days": 7, "hours": 1}', /hours/],
    ["seven", /cool-down\.json: is not JSON/],
  ] as const) {
    assert.throws(() => parseCoolDown(text), problem, text);
  }
  for (const option of ["-1", "1.5", "7d", "", "366", "1e1", " 7"]) {
    assert.throws(() => withDays(setting, option), /--cool-down: expected a whole number of days/, option);
  }
});

test("the option changes the days for once and leaves the exceptions", () => {
  assert.equal(withDays(setting, undefined), setting);
  assert.deepEqual(withDays(setting, "0"), { ...setting, days: 0 });
  assert.deepEqual(withDays(noCoolDown, "14"), { days: 14, except: {} });
});

test("an exception that names nothing is told of", () => {
  assert.deepEqual(unusedExceptions(setting, ["pillow", "o/node", "six"]), []);
  assert.deepEqual(unusedExceptions(setting, ["pilow", "o/node"]), ["Pillow"]);
});

test("uv's words for files without a date, and for what it left out", () => {
  const warnings =
    "warning: `typing_extensions-4.1-py3-none-any.whl` is missing an upload date, but user provided: 2026-01-02T00:00:00Z\n" +
    "warning: `six-1.0.tar.gz` is missing an upload date, but user provided: 2026-01-02T00:00:00Z\n";
  assert.deepEqual(undatedPackages(warnings.repeat(2)), ["six", "typing-extensions"]);
  assert.deepEqual(undatedPackages("Resolved 1 package"), []);
  assert.ok(isTooYoung("hint: `six` was filtered by `exclude-newer`\n  to only include packages"));
  assert.ok(!isTooYoung("Because there is no version of six"));
});
