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

/**
 * Finds the repository of a node's class; `preferred` are those that a recipe has already. The workflow's own word counts
 * before what is locked, and that, also where only a pattern fits, before all others.
 */
export function sourceOf(
  { type, pack }: Pick<WorkflowNode, "type" | "pack">,
  classes: ClassIndex,
  preferred: readonly string[] = [],
): NodeSource {
  const named = classes.repositoriesOf(type);
  const isOfComfyui = pack === comfyuiPack && !named.includes(comfyuiName);
  const [exact, fitting] = isOfComfyui ? [[], []] : [named, classes.matching(type)];
  const holders = [...new Set([...exact, ...fitting])];
  const locked = holders.filter((name) => classes.isLocked(name));
  const settled =
    holders.find((name) => name === comfyuiName) ??
    holders.find((name) => preferred.includes(name)) ??
    onlyOne(holders.filter((name) => isPack(name, pack))) ??
    onlyOne(locked.filter((name) => exact.includes(name))) ??
    onlyOne(locked) ??
    onlyOne(exact) ??
    (exact.length === 0 ? onlyOne(fitting) : undefined);
  if (settled !== undefined) return { type, repository: settled, candidates: [], problem: null };
  if (holders.length > 0) {
    return {
      type,
      repository: null,
      candidates: exact.length > 0 ? exact : fitting,
      problem: "several repositories have a class of this name",
    };
  }
  const stated = classes.locked().find((name) => isPack(name, pack));
  if (stated !== undefined) {
    return {
      type,
      repository: null,
      candidates: [stated],
      problem: `the workflow says it is from ${stated}, and the locked commit does not have it: another version does`,
    };
  }
  // The workflow's own word, where the index has none.
  if (pack?.includes("/")) return { type, repository: pack, candidates: [], problem: null };
  return { type, repository: null, candidates: [], problem: unknownClass(pack) };
}

/** Workflows name a repository (`owner/name`), or its name in Comfy's registry, which is mostly the repository's. */
function isPack(repository: string, pack: string | null): boolean {
  if (pack === null) return false;
  const [name, stated] = [repository.toLowerCase(), pack.toLowerCase()];
  return stated.includes("/") ? name === stated : plain(name.split("/").at(-1) ?? "") === plain(stated);
}

function plain(name: string): string {
  return name.replaceAll("_", "-");
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
