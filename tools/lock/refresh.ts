import { UserError } from "../../errors.ts";
import { coolDownWords, noCoolDown } from "../../lib/lock-making/cool-down.ts";
import { nodeMoves, nodeWarnings } from "../../lib/lock-making/node-moves.ts";
import { nodeSources } from "../../lib/lock-making/node-sources.ts";
import { type ImageLock, imageLockPath, parseImageLock } from "../../lib/locks/image-lock.ts";
import {
  formatModelLock,
  type ModelLock,
  modelLockPath,
  parseModelLock,
} from "../../lib/locks/model-lock.ts";
import { formatNodeClasses, nodeClassesPath } from "../../lib/locks/node-classes.ts";
import { formatNodeLock, type NodeLock, nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { ownEnvironments } from "../../lib/plan/lock-inputs.ts";
import { withProgress } from "../program/progress.ts";
import { renderTable } from "../program/table.ts";
import { findHeldBack } from "./held-back/find-held-back.ts";
import { lockClasses } from "./lock-classes.ts";
import { lockImages } from "./lock-images.ts";
import { lockModels, modelMoves } from "./lock-models.ts";
import { lockNodes } from "./lock-nodes.ts";
import { aptResolver, lockPackages } from "./lock-packages.ts";
import { lockPython, pythonLocks } from "./lock-python.ts";
import { installUv } from "./uv.ts";
import { type LockFile, type LockSources, readLock } from "./write-locks.ts";

/** What can be locked, in the order in which it is: classes and Python need to know the nodes. */
export const lockKinds = ["images", "packages", "nodes", "classes", "python", "models"] as const;
export type LockKind = (typeof lockKinds)[number];

type WriteLine = (text: string) => void;

export function isLockKind(name: string): name is LockKind {
  return (lockKinds as readonly string[]).includes(name);
}

/** Makes locks anew and tells what moved. Writes nothing: a failure half-way changes no file. */
export async function refresh(
  chosen: readonly LockKind[],
  sources: LockSources,
  writeLine: WriteLine,
): Promise<readonly LockFile[]> {
  const files: LockFile[] = [];
  const { coolDown = noCoolDown } = sources;
  if (chosen.includes("images") || chosen.includes("packages")) {
    files.push(...(await refreshBases(chosen, sources, writeLine)));
  }
  const willRefresh = chosen.includes("nodes");
  let nodes = recallNodes(sources.root, willRefresh);
  if (willRefresh) {
    const gitSources = nodeSources(sources.recipes);
    const fresh = await withProgress("Looking up git sources", (say) =>
      lockNodes(gitSources, sources.mirrors, say, coolDown),
    );
    reportNodeMoves(nodes, fresh, writeLine);
    nodes = fresh;
    files.push({ path: nodeLockPath, text: formatNodeLock(fresh) });
  }
  if (chosen.includes("classes")) {
    const fresh = await withProgress("Reading node classes", (say) =>
      lockClasses(nodes, sources.mirrors, say),
    );
    const total = Object.values(fresh.repositories).reduce((sum, { classes }) => sum + classes.length, 0);
    writeLine(
      `${nodeClassesPath}: ${total} classes in ${Object.keys(fresh.repositories).length} repositories`,
    );
    files.push({ path: nodeClassesPath, text: formatNodeClasses(fresh) });
  }
  if (chosen.includes("python")) {
    const locks = [...sources.recipes, ...ownEnvironments(sources.recipes)].flatMap((recipe) =>
      pythonLocks(sources.root, recipe, sources.pythons).map((name) => ({
        root: sources.root,
        recipe,
        name,
        nodes,
        coolDown: coolDownWords(coolDown),
      })),
    );
    const compile = await installUv(coolDown);
    const made = await lockPython(compile, locks, writeLine);
    files.push(...made);
    sources.tellHeldBack?.(await findHeldBack(compile, locks, made, sources.mirrors));
  }
  if (chosen.includes("models")) files.push(await refreshModels(sources, writeLine));
  return files;
}

/** Base images at what their tags are now, and the packages of their distributions; `images` means both. */
async function refreshBases(
  chosen: readonly LockKind[],
  { root, recipes, coolDown = noCoolDown }: LockSources,
  writeLine: WriteLine,
): Promise<LockFile[]> {
  let images = parseImageLock(readLock(root, imageLockPath));
  if (chosen.includes("images")) {
    const fresh = await withProgress("Looking up base images", (say) =>
      lockImages(images, say, undefined, { coolDown, tell: writeLine }),
    );
    reportImageMoves(images, fresh, writeLine);
    images = fresh;
  }
  const packages = await withProgress("Asking the distributions' mirrors", async (say) =>
    lockPackages(root, images, recipes, await aptResolver(), say, writeLine),
  );
  const text = `${JSON.stringify(packages.images, null, 2)}\n`;
  return [{ path: imageLockPath, text }, ...packages.files];
}

/** Asks the sources of the models in the lock below `root`. */
export async function refreshModels(
  { root, mirrors, coolDown = noCoolDown }: Pick<LockSources, "root" | "mirrors" | "coolDown">,
  writeLine: WriteLine,
): Promise<LockFile> {
  const before: ModelLock = parseModelLock(readLock(root, modelLockPath));
  const asking = {
    endpoint: process.env.HF_ENDPOINT || undefined,
    token: process.env.HF_TOKEN || undefined,
    civitaiToken: process.env.CIVITAI_TOKEN || undefined,
    mirrors,
    coolDown,
  };
  const fresh = await withProgress("Asking the sources of models", (say) => lockModels(before, asking, say));
  const moves = modelMoves(before, fresh);
  writeLine(`${modelLockPath}: ${moves.length} of ${fresh.models.length} models changed`);
  if (moves.length > 0) writeLine(renderTable(["model", "change", "sha256", "bytes"], moves));
  return { path: modelLockPath, text: formatModelLock(fresh) };
}

/** The lock as it is. One that is damaged counts as none where it is about to be made anew. */
function recallNodes(root: string, willRefresh: boolean): NodeLock {
  const none = { repositories: {}, packages: {} };
  const text = readLock(root, nodeLockPath);
  try {
    return text === "" ? none : parseNodeLock(text);
  } catch (error) {
    if (willRefresh && error instanceof UserError) return none;
    throw error;
  }
}

function reportImageMoves(before: ImageLock, after: ImageLock, writeLine: WriteLine): void {
  const moved = Object.entries(after).filter(([name, { digest }]) => digest !== before[name]?.digest);
  writeLine(`${imageLockPath}: ${moved.length} of ${Object.keys(after).length} base images moved`);
  const short = (digest = "") => digest.slice(0, 19);
  const rows = moved.map(([name, { digest }]) => [name, short(before[name]?.digest), short(digest)]);
  if (rows.length > 0) writeLine(renderTable(["base image", "old", "new"], rows));
}

/** Tells which sources moved, and what no lock can hold. */
export function reportNodeMoves(before: NodeLock, after: NodeLock, writeLine: WriteLine): void {
  const moves = nodeMoves(before, after);
  const total = Object.keys(after.repositories).length + Object.keys(after.packages).length;
  writeLine(`${nodeLockPath}: ${moves.length} of ${total} sources moved`);
  const table = renderTable(
    ["source", "old", "new", "changes"],
    moves.map(({ name, old, new: now, link }) => [name, old, now, link]),
  );
  if (table) writeLine(table);
  const warnings = nodeWarnings(after);
  if (warnings.length > 0) writeLine(["Warnings:", ...warnings.map((line) => `  ${line}`)].join("\n"));
}
