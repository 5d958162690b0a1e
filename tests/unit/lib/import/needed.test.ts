import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelsReport } from "../../../../lib/comfyui/workflow/report.ts";
import { inventoryOf } from "../../../../lib/import/needed.ts";

const node = (type: string, repository: string | null, candidates: string[] = []) => ({
  type,
  repository,
  candidates,
  problem: repository === null ? "several repositories have it" : null,
});

test("nodes once a repository, models with what the workflow says, and all that nobody could tell", () => {
  const report = {
    unreadable: [{ path: "x.png", problem: "no workflow" }],
    nodes: [
      node("A", "a/b"),
      node("B", "a/b"),
      node("C", "Comfy-Org/ComfyUI"),
      node("D", null, ["c/d", "e/f"]),
      node("E", "https://gitlab.com/g/h"),
      node("F", "../evil"),
    ],
    files: [{ folder: "models/vae", name: "v.bin", url: "https://example.com/v", sha256: null }],
    unresolved: [
      { node: { workflow: "w.json", id: "3", type: "T", title: null }, problem: "a widget decides" },
    ],
  } as unknown as ModelsReport;
  const { nodes, models, left } = inventoryOf(report, []);
  assert.deepEqual(
    nodes.map(({ origin }) => origin),
    [
      { repository: "https://github.com/a/b", ref: null },
      { repository: "https://gitlab.com/g/h", ref: null },
    ],
  );
  assert.deepEqual(
    models.map(({ folder, name, url }) => [folder, name, url]),
    [["models/vae", "v.bin", "https://example.com/v"]],
  );
  assert.deepEqual(
    left.map(({ what }) => what),
    ["node ../evil", "x.png", "node class D", "w.json: node 3 T"],
  );
  assert.match(left[2]?.reason ?? "", /several repositories have it: c\/d, e\/f/);
});
