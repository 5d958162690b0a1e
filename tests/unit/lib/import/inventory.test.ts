import assert from "node:assert/strict";
import { test } from "node:test";
import { type FoundNode, joinInventories, nothing } from "../../../../lib/import/inventory.ts";

const node = (repository: string, ref: string | null = null): FoundNode => ({
  origin: { repository, ref },
  disabled: false,
  folder: null,
});
const comfyui = (ref: string) => ({ repository: "https://github.com/Comfy-Org/ComfyUI", ref });

test("of several sources the first counts, and the others add to it", () => {
  const first = {
    ...nothing,
    comfyui: comfyui("a"),
    nodes: [node("https://github.com/A/b", "1")],
    packages: ["x"],
  };
  const second = {
    ...nothing,
    comfyui: comfyui("b"),
    nodes: [node("https://github.com/a/B"), node("https://github.com/c/d")],
    packages: ["x", "y"],
    isWorker: true,
  };
  const joined = joinInventories([first, second]);
  assert.deepEqual(joined.nodes, [first.nodes[0], second.nodes[1]]);
  assert.deepEqual(joined.packages, ["x", "y"]);
  assert.deepEqual([joined.comfyui?.ref, joined.isWorker], ["a", true]);
  assert.deepEqual(
    joined.left.map(({ what }) => what),
    ["ComfyUI b"],
  );
});
