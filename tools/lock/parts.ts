import { formatNodeLock, type NodeLock, nodeLockPath, parseNodeLock } from "../../lib/node-lock.ts";
import { nodeMoves, nodeWarnings } from "../../lib/node-moves.ts";
import { nodeSources } from "../../lib/node-sources.ts";
import type { Recipe } from "../../lib/recipe.ts";
import { step } from "../progress.ts";
import { type LockFile, readLock } from "./files.ts";
import { lockNodes } from "./nodes.ts";
import { lockPython } from "./python.ts";
import { renderTable } from "./report.ts";

/** What can be locked, in the order in which it is: Python needs to know the nodes. */
export const parts = ["nodes", "python"] as const;
export type Part = (typeof parts)[number];

/** What locks are made from. */
export interface LockSources {
  /** The folder that holds `locks/`. */
  readonly root: string;
  readonly recipes: readonly Recipe[];
  readonly mirrors: Readonly<Record<string, string>>;
}

type Tell = (text: string) => void;

export function isPart(name: string): name is Part {
  return (parts as readonly string[]).includes(name);
}

/** Makes locks anew and tells what moved. Writes nothing: a failure half-way changes no file. */
export async function refresh(
  chosen: readonly Part[],
  sources: LockSources,
  tell: Tell,
): Promise<readonly LockFile[]> {
  const files: LockFile[] = [];
  let nodes = recallNodes(sources.root);
  if (chosen.includes("nodes")) {
    const wanted = nodeSources(sources.recipes);
    const fresh = await step("Looking up git sources", (say) => lockNodes(wanted, sources.mirrors, say));
    tellNodes(nodes, fresh, tell);
    nodes = fresh;
    files.push({ path: nodeLockPath, text: formatNodeLock(fresh) });
  }
  if (chosen.includes("python")) files.push(...(await lockPython(sources, nodes, tell)));
  return files;
}

/** The lock as it is. One that cannot be read counts as none: it is about to be made anew. */
function recallNodes(root: string): NodeLock {
  const none = { repositories: {}, packages: {} };
  const text = readLock(root, nodeLockPath);
  return text === "" ? none : parseNodeLock(text);
}

function tellNodes(before: NodeLock, after: NodeLock, tell: Tell): void {
  const moves = nodeMoves(before, after);
  const total = Object.keys(after.repositories).length + Object.keys(after.packages).length;
  tell(`${nodeLockPath}: ${moves.length} of ${total} sources moved`);
  const table = renderTable(
    ["source", "old", "new", "changes"],
    moves.map(({ name, old, new: now, link }) => [name, old, now, link]),
  );
  if (table) tell(table);
  const warnings = nodeWarnings(after);
  if (warnings.length > 0) tell(["Warnings:", ...warnings.map((line) => `  ${line}`)].join("\n"));
}
