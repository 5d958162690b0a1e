import type { ModelsReport } from "../comfyui/workflow/report.ts";
import type { IncompleteModel, ModelLock } from "../locks/model-lock.ts";
import { modelPath, parseModelLock } from "../locks/model-lock.ts";
import { fileAddress } from "./file-address.ts";

/**
 * The lock with what a report misses in it and the workflows give an address for. Size, hash and licence stay open:
 * what a workflow says of them was never checked. `npm run lock -- models` fills them in.
 */
export function withMissingModels(lock: ModelLock, report: ModelsReport): ModelLock {
  const listed = new Set([...lock.models, ...lock.incomplete].map(modelPath));
  const missing = report.files.flatMap(({ folder, name, state, url }): IncompleteModel[] => {
    if (state !== "missing" || url === null || listed.has(modelPath({ folder, name }))) return [];
    return [
      {
        name,
        folder,
        licence: null,
        source: "the address is from a workflow; nobody has asked it yet",
        url: fileAddress(url) ?? url,
        size: null,
        sha256: null,
        gated: null,
      },
    ];
  });
  // A workflow is foreign: its addresses and names have to be fit for the lock.
  return parseModelLock(
    JSON.stringify({ models: lock.models, incomplete: [...lock.incomplete, ...missing] }),
    "models of the workflow",
  );
}
