import type { ModelsReport } from "../comfyui/workflow/report.ts";
import type { IncompleteModel, ModelLock } from "../locks/model-lock.ts";
import { modelPath, parseModelLock } from "../locks/model-lock.ts";

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
        url: plain(url),
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

/** Pages of the hub say `blob` where the file itself is at `resolve`, links ask for a download, or carry somebody's key. */
function plain(url: string): string {
  return url
    .replace(/^(https:\/\/huggingface\.co\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/")
    .replace(/^(https:\/\/huggingface\.co\/.*)\?download=true$/, "$1")
    .replace(/^(https:\/\/civitai\.(?:com|green|red)\/[^?#]*)\?([^#]*)/, (_, path: string, query: string) => {
      const rest = query.split("&").filter((each) => !/^token=/i.test(each));
      return rest.length > 0 ? `${path}?${rest.join("&")}` : path;
    });
}
