import { comfyuiName } from "../../locks/node-classes.ts";
import type { ClassIndex } from "./class-index.ts";
import type { WorkflowNode } from "./workflow.ts";

/** Where a node class comes from. */
export interface NodeSource {
  readonly type: string;
  /** `owner/name`; null where it is not known or could be several. */
  readonly repository: string | null;
  /** The repositories that have a class of this name, where that does not settle it. */
  readonly candidates: readonly string[];
  /** Why there is no repository. */
  readonly problem: string | null;
}

/** How workflows call ComfyUI itself. */
const comfyuiPack = "comfy-core";

/** Finds the repository of a node's class; `preferred` are those that a recipe has already. */
export function sourceOf(
  { type, pack }: Pick<WorkflowNode, "type" | "pack">,
  classes: ClassIndex,
  preferred: readonly string[] = [],
): NodeSource {
  const exact = classes.repositoriesOf(type);
  const isOfComfyui = pack === comfyuiPack && !exact.includes(comfyuiName);
  const holders = isOfComfyui ? [] : exact.length > 0 ? exact : classes.matching(type);
  const settled =
    holders.find((name) => name === comfyuiName) ??
    holders.find((name) => preferred.includes(name)) ??
    holders.find((name) => name.toLowerCase() === pack?.toLowerCase()) ??
    onlyOne(holders.filter((name) => classes.isLocked(name))) ??
    onlyOne(holders);
  if (settled !== undefined) return { type, repository: settled, candidates: [], problem: null };
  if (holders.length > 0) {
    return {
      type,
      repository: null,
      candidates: holders,
      problem: "several repositories have a class of this name",
    };
  }
  // The workflow's own word, where the index has none.
  if (pack?.includes("/")) return { type, repository: pack, candidates: [], problem: null };
  return { type, repository: null, candidates: [], problem: unknownClass(pack) };
}

function unknownClass(pack: string | null): string {
  if (pack === comfyuiPack) {
    return "the workflow says it is part of ComfyUI, and the locked ComfyUI does not have it: another version does";
  }
  const stated = pack === null ? "" : `; the workflow says it is from "${pack}" of Comfy's registry`;
  return `no repository that is known has such a class${stated}`;
}

function onlyOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}
