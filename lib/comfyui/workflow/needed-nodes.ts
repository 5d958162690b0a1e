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
  const certain =
    holders.find((name) => name === comfyuiName) ??
    onlyOne(holders.filter((name) => isPack(name, pack))) ??
    holders.find((name) => preferred.includes(name)) ??
    onlyOne(locked.filter((name) => exact.includes(name)));
  if (certain !== undefined) return found(type, certain);
  const other = isOfComfyui ? undefined : otherVersion(type, pack, classes);
  if (other) return { type, repository: null, candidates: [other.repository], problem: other.problem };
  const stated = pack?.includes("/") && !classes.isLocked(pack) ? pack : undefined;
  const likely =
    onlyOne(locked) ?? stated ?? onlyOne(exact) ?? (exact.length === 0 ? onlyOne(fitting) : undefined);
  if (likely !== undefined) return found(type, likely);
  if (holders.length === 0) return { type, repository: null, candidates: [], problem: unknownClass(pack) };
  const candidates = exact.length > 0 ? exact : fitting;
  return { type, repository: null, candidates, problem: "several repositories have a class of this name" };
}

function found(type: string, repository: string): NodeSource {
  return { type, repository, candidates: [], problem: null };
}

/** A locked repository that has the class in another version than the locked one: the image would not have it. */
function otherVersion(
  type: string,
  pack: string | null,
  classes: ClassIndex,
): { repository: string; problem: string } | undefined {
  const listed = classes.elsewhere(type);
  const stated = classes.locked().find((name) => isPack(name, pack));
  const remedy = "lock a commit that has it";
  if (stated !== undefined) {
    const problem = `the workflow says it is from ${stated}, and the locked commit does not have it: another version does; ${remedy}`;
    return { repository: stated, problem };
  }
  const [only] = listed.filter(() => pack === null);
  if (only === undefined) return undefined;
  const { repository, commit } = only;
  const problem = `${repository} has it in another version, and not at the locked commit ${commit.slice(0, 12)}; ${remedy}`;
  return { repository, problem };
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
