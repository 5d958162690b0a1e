import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { repository } from "../../../../home.ts";
import { attentionKernels, type CudaVersion, cudaVersions } from "../../../../lib/gpu/compatibility.ts";
import { generationNames } from "../../../../lib/gpu/generations.ts";
import { parseSourceLock } from "../../../../lib/locks/source-lock.ts";
import { layerContext } from "../../../../lib/plan/context.ts";
import {
  kernelWays,
  measuredCompilations,
  unofferedKernels,
  wayWords,
} from "../../../../lib/recipe/attention-table.ts";
import { recipes } from "../../../../recipes/index.ts";
import { readLocks } from "../../../../recipes/stack-locks.ts";

const wheel = (kernel: string) => ({
  url: `https://example.org/${kernel.replaceAll("-", "_")}-1-cp311-cp311-linux_x86_64.whl`,
  sha256: "0".repeat(64),
  version: "1",
});

const folders = { root: repository, localImages: "none.json" };
const locks = readLocks("debian-bookworm", folders, repository);

/** What becomes of a stack with this kernel alone, or how its preview refuses it. */
function planned(kernel: string, generation: string, cuda: CudaVersion, more: Record<string, string> = {}) {
  const settings = {
    recipe: "studio",
    generation,
    cuda,
    attention: JSON.stringify([kernel]),
    llama: '{"enabled":false}',
  };
  const all = Object.entries({ ...settings, ...more }).map(([key, value]) => [`strata:${key}`, value]);
  try {
    layerContext(parseConfig(Object.fromEntries(all)), { recipe: recipes.studio, ...locks });
    return "planned";
  } catch (error) {
    return (error as Error).message;
  }
}

test("each row is what a preview does: a way that is named is planned, any other is refused with the row's reason", () => {
  for (const cuda of cudaVersions) {
    for (const kernel of attentionKernels) {
      for (const name of generationNames) {
        const ways = kernelWays(kernel, name, cuda);
        const at = `${kernel} ${name} ${cuda}`;
        const has = (way: string) => ways.some((each) => each.way === way);
        assert.ok(ways.length > 0, at);
        const plain = planned(kernel, name, cuda);
        assert.equal(plain === "planned", has("wheel"), `${at}: ${plain}`);
        const refusal = ways.find((each) => each.way === "refused");
        if (refusal && "reason" in refusal) assert.ok(plain.includes(refusal.reason), `${at}: ${plain}`);
        const compiled = planned(kernel, name, cuda, { compile: JSON.stringify([kernel]) });
        assert.equal(compiled === "planned", has("compile"), `${at}: ${compiled}`);
        const pinned = planned(kernel, name, cuda, { wheels: JSON.stringify({ [kernel]: wheel(kernel) }) });
        assert.equal(pinned === "planned", has("pin"), `${at}: ${pinned}`);
      }
    }
  }
});

test("what compiles is the version of the lock", () => {
  const { kernels } = parseSourceLock(readFileSync(join(repository, "locks/sources.json"), "utf8"));
  for (const kernel of ["flash-attn", "sageattention"] as const) {
    const way = kernelWays(kernel, "ada", "13.0").find((each) => each.way === "compile");
    assert.deepEqual(way, { way: "compile", version: kernels[kernel].version });
  }
});

test("a kernel that is known from elsewhere is refused with its reason, and not as a mistake in writing", () => {
  for (const [name, reason] of Object.entries(unofferedKernels)) {
    const message = planned(name, "hopper", "13.0");
    assert.ok(message.includes(`${name} is not offered: ${reason}`), message);
  }
  assert.match(
    planned("flash-atn", "hopper", "13.0"),
    /expected one of triton, .*Did you mean "flash-attn"/s,
  );
});

test("docs/attention.md has the table", () => {
  const path = join(repository, "docs/attention.md");
  const text = readFileSync(path, "utf8");
  const tables: Readonly<Record<string, string>> = {
    ...Object.fromEntries(cudaVersions.map((cuda) => [cuda, tableOf(cuda)])),
    measured: list(measuredCompilations as Readonly<Record<string, string>>),
    unoffered: list(unofferedKernels),
  };
  for (const table of Object.values(tables)) assert.ok(narrow(text).includes(narrow(table)), table);
});

/** As the formatter widens columns. */
const narrow = (text: string): string => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");

function tableOf(cuda: CudaVersion): string {
  const rows = attentionKernels.map((kernel) => [
    `\`${kernel}\``,
    ...generationNames.map((name) => wayWords(kernelWays(kernel, name, cuda))),
  ]);
  const lines = [["kernel", ...generationNames], ["", ...generationNames].map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const list = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, words]) => `- \`${name}\`: ${words}.`)
    .join("\n");
