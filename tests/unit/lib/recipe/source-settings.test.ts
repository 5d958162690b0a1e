import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cpythonSetting,
  llamaSetting,
  mirrorsSetting,
  wheelsSetting,
} from "../../../../lib/recipe/source-settings.ts";

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

test("llama.cpp is there unless a stack says otherwise, from the sdist", () => {
  assert.deepEqual(llamaSetting.parse({}), { enabled: true, source: "sdist", ui: true, vmm: true });
  const whole = { enabled: false, source: "git", commit: "a1".repeat(20), ui: false, vmm: false };
  assert.deepEqual(llamaSetting.parse(whole), whole);
  for (const wrong of [
    { source: "wheel" },
    { source: "" },
    { other: 1 },
    { enabled: "yes" },
    { vmm: 1 },
    ...[
      "a1",
      "a1".repeat(21),
      `x${"a1".repeat(20)}`,
      `${"a1".repeat(20)}x`,
      "xy".repeat(20),
      "A1".repeat(20),
    ].map((commit) => ({ commit })),
  ])
    assert.ok(!accepts(llamaSetting, wrong), JSON.stringify(wrong));
});

test("a wheel has an address of the web and a whole hash; Triton is torch's to choose", () => {
  const wheel = { url: "https://h.invalid/a.whl", sha256: "a1".repeat(32), version: "1" };
  assert.deepEqual(wheelsSetting.parse({ "flash-attn": wheel }), { "flash-attn": wheel });
  assert.ok(accepts(wheelsSetting, { nunchaku: { ...wheel, url: "http://h.invalid/a.whl" } }));
  assert.ok(!accepts(wheelsSetting, { triton: wheel }));
  assert.ok(!accepts(wheelsSetting, { other: wheel }));
  for (const wrong of [
    { url: "ftp://h.invalid/a.whl" },
    { url: "see https://h.invalid/a.whl" },
    { url: "https://h.invalid/a b.whl" },
    { url: "https://user:secret@h.invalid/a.whl" },
    { sha256: "a1" },
    { sha256: `x${"a1".repeat(32)}` },
    { sha256: `${"a1".repeat(32)}x` },
    { version: "" },
    { more: 1 },
  ])
    assert.ok(!accepts(wheelsSetting, { "flash-attn": { ...wheel, ...wrong } }), JSON.stringify(wrong));
});

test("a mirror's address has no login, since everybody may read it", () => {
  assert.ok(accepts(mirrorsSetting, { "https://a.invalid/": "https://b.invalid/" }));
  assert.ok(!accepts(mirrorsSetting, { "https://a.invalid/": "https://user:secret@b.invalid/" }));
});

test("cpython: from where, or an archive whose release, hash and address are given whole", () => {
  const archive = { url: "https://h.invalid/cpython.tar.gz", sha256: "a".repeat(64), version: "3.12.14" };
  for (const right of [{ from: "standalone" }, { from: "source" }, archive]) {
    assert.deepEqual(cpythonSetting.parse(right), right);
  }
  const wrong = [
    {},
    { from: "debian" },
    { ...archive, version: "3.12" },
    { ...archive, sha256: "a" },
    { ...archive, url: "https://user:secret@h.invalid/cpython.tar.gz" },
    { ...archive, from: "source" },
  ];
  for (const setting of wrong) assert.ok(!accepts(cpythonSetting, setting), JSON.stringify(setting));
});
