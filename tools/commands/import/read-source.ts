import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../../errors.ts";
import { analyse } from "../../../lib/comfyui/workflow/analyse.ts";
import type { ClassIndex } from "../../../lib/comfyui/workflow/class-index.ts";
import { compare } from "../../../lib/comfyui/workflow/compare.ts";
import { readWorkflow } from "../../../lib/comfyui/workflow/read.ts";
import { readComfyUiFolder } from "../../../lib/import/comfyui-folder.ts";
import { type FoundWorkflow, type Inventory, joinInventories } from "../../../lib/import/inventory.ts";
import { inventoryOf } from "../../../lib/import/needed.ts";
import { readPack } from "../../../lib/import/pack.ts";
import { isSnapshot, readSnapshot } from "../../../lib/import/snapshot.ts";
import { isDockerfile, readWorkerDockerfile } from "../../../lib/import/worker-dockerfile.ts";
import type { ModelLock } from "../../../lib/locks/model-lock.ts";
import { withProgress } from "../../program/progress.ts";
import { comfyUiIn, scanFolder } from "./scan-folder.ts";

/** What reading needs to know beside the files. */
export interface Known {
  readonly classes: ClassIndex;
  readonly catalogue: ModelLock;
  /** Whether models in a folder are hashed. */
  readonly hashesModels: boolean;
}

/** A workflow's file as it was given. */
interface GivenWorkflow {
  readonly path: string;
  readonly bytes: Buffer;
}

/** A file of text that is larger is none of these. */
const LONGEST_TEXT = 64 << 20;

/** Reads everything that was named, whatever it is; workflows together, as they share models. */
export async function readSources(paths: readonly string[], known: Known): Promise<Inventory> {
  const workflows: GivenWorkflow[] = [];
  const inventories: Inventory[] = [];
  for (const path of paths) {
    const read = await readSource(path, known);
    if ("bytes" in read) workflows.push(read);
    else inventories.push(read, ...withModels(read, known));
  }
  if (workflows.length > 0) inventories.push(needs(workflows, known));
  return joinInventories(inventories);
}

/** What the workflows of a pack need beside what it says itself: its nodes are whole, its models may not be. */
function withModels({ workflows }: Inventory, known: Known): Inventory[] {
  if (workflows.length === 0) return [];
  const files = workflows.map(({ name, text }) => ({ path: name, bytes: Buffer.from(text) }));
  const needed = needs(files, known);
  const left = needed.left.filter(({ what }) => !what.startsWith("node "));
  return [{ ...needed, nodes: [], workflows: [], left }];
}

async function readSource(path: string, known: Known): Promise<Inventory | GivenWorkflow> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new UserError(path, "does not exist.", "Name a file or a folder.");
  if (stat.isDirectory()) return await readDirectory(path, known);
  const bytes = readFileSync(path);
  if (bytes.subarray(0, 4).toString("latin1") === "PK\u0003\u0004") return readPack(bytes, path);
  if (bytes.length > LONGEST_TEXT || bytes.includes(0)) return { path, bytes };
  const text = bytes.toString("utf8");
  if (/\.ya?ml$/i.test(path)) return readSnapshot(text, path);
  if (isJson(text))
    return isSnapshot(parsed(text))
      ? readSnapshot(text, path.endsWith(".json") ? path : `${path}.json`)
      : { path, bytes };
  return isDockerfile(text) ? readWorkerDockerfile(text, path) : { path, bytes };
}

async function readDirectory(path: string, { hashesModels }: Known): Promise<Inventory> {
  const folder = comfyUiIn(path);
  if (folder !== undefined) {
    const title = hashesModels ? "Hashing models" : "Reading the folder of ComfyUI";
    return await withProgress(title, async (say) =>
      readComfyUiFolder(await scanFolder(folder, hashesModels, say)),
    );
  }
  const dockerfile = join(path, "Dockerfile");
  if (existsSync(dockerfile)) return readWorkerDockerfile(readFileSync(dockerfile, "utf8"), dockerfile);
  throw new UserError(
    path,
    "is no folder of ComfyUI: it has no main.py beside custom_nodes.",
    "Name that folder, or a file.",
  );
}

function isJson(text: string): boolean {
  return /^\uFEFF?\s*[[{]/.test(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

/** What workflows need, as `npm run models` finds it. */
function needs(files: readonly GivenWorkflow[], { classes, catalogue }: Known): Inventory {
  const workflows = files.map(({ path, bytes }) => readWorkflow(bytes, path));
  const report = compare(analyse(workflows, classes), catalogue, classes, []);
  const kept = files.flatMap(({ path, bytes }): FoundWorkflow[] =>
    isJson(bytes.toString("utf8", 0, 64)) ? [{ name: basename(path), text: bytes.toString("utf8") }] : [],
  );
  return inventoryOf(report, kept);
}
