import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { parseSourceLock } from "../../../../lib/locks/source-lock.ts";

const lock = JSON.parse(readFileSync(join(repository, "locks/sources.json"), "utf8"));
const { llamaCpp, kernels } = lock;
const parse = (change: object) => () => parseSourceLock(JSON.stringify({ ...lock, ...change }));

test("the repository's own lock is right", () => {
  assert.deepEqual(parseSourceLock(JSON.stringify(lock)), lock);
  const open = { ...lock, llamaCpp: { ...llamaCpp, git: { ...llamaCpp.git, commit: null } } };
  assert.deepEqual(parseSourceLock(JSON.stringify(open)), open);
});

test("nothing is compiled from what is not pinned; each mistake has its place", () => {
  const sdist = (more: object) => ({ llamaCpp: { ...llamaCpp, sdist: { ...llamaCpp.sdist, ...more } } });
  const git = (more: object) => ({ llamaCpp: { ...llamaCpp, git: { ...llamaCpp.git, ...more } } });
  const kernel = (name: string, more: object) => ({
    kernels: { ...kernels, [name]: { ...kernels[name], ...more } },
  });
  for (const [change, problem] of [
    [sdist({ sha256: "a".repeat(65) }), /locks\/sources\.json: llamaCpp\.sdist\.sha256: a sha256 has 64/],
    [sdist({ sha256: `x${"a".repeat(64)}` }), /llamaCpp\.sdist\.sha256/],
    [sdist({ package: "llama" }), /llamaCpp\.sdist\.package/],
    [sdist({ more: 1 }), /llamaCpp\.sdist\.more/],
    [git({ commit: "a".repeat(41) }), /llamaCpp\.git\.commit: a full commit has 40/],
    [git({ commit: `x${"a".repeat(40)}` }), /llamaCpp\.git\.commit/],
    [git({ commit: "main" }), /llamaCpp\.git\.commit/],
    [git({ more: 1 }), /llamaCpp\.git\.more/],
    [{ llamaCpp: { ...llamaCpp, more: 1 } }, /llamaCpp\.more/],
    [kernel("flash-attn", { version: "" }), /kernels\.flash-attn\.version/],
    [kernel("flash-attn", { more: 1 }), /kernels\.flash-attn\.more/],
    [kernel("sageattention", { commit: null }), /kernels\.sageattention\.commit/],
    [kernel("sageattention", { more: 1 }), /kernels\.sageattention\.more/],
    [kernel("nunchaku", {}), /kernels\.nunchaku/],
    [{ more: 1 }, /locks\/sources\.json: more/],
  ] as const) {
    assert.throws(parse(change), problem, JSON.stringify(change));
  }
  assert.throws(() => parseSourceLock("{"), /^UserError: locks\/sources\.json: is not JSON: /);
});
