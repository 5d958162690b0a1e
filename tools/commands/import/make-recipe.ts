import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../errors.ts";
import { type GitSource, gitRepositoryName } from "../../../lib/comfyui/custom-nodes.ts";
import { type CudaVersion, cudaVersions } from "../../../lib/gpu/compatibility.ts";
import type { Inventory, LeftOut } from "../../../lib/import/inventory.ts";
import type { ImportedRecipe } from "../../../lib/import/recipe-text.ts";
import type { ImageLock } from "../../../lib/locks/image-lock.ts";
import type { NodeCheckout, NodeLock } from "../../../lib/locks/node-lock.ts";
import type { Recipe, RecipeDefaults } from "../../../lib/recipe/recipe.ts";
import { comfyuiSource } from "../../../recipes/comfyui.ts";
import { comfyuiRecipe } from "../../../recipes/own-comfyui.ts";
import { withProgress } from "../../program/progress.ts";
import { findNodes } from "./find-nodes.ts";
import { inOneLine, isUnreachable } from "./import-failure.ts";
import { checkoutOf, type Reading, type ReadNode, readNodes } from "./read-nodes.ts";

/** A recipe that was made from an inventory. */
export interface MadeRecipe {
  readonly imported: ImportedRecipe;
  readonly recipe: Recipe;
  readonly nodes: readonly ReadNode[];
  /** The lock beside the recipe; undefined where something could not be reached. */
  readonly lock: NodeLock | undefined;
  readonly unreachable: string | undefined;
  readonly left: readonly LeftOut[];
}

/** What an import knows beside what was read. */
export interface Making extends Reading {
  readonly name: string;
  readonly images: ImageLock;
  /** What was read, in words. */
  readonly from: string;
}

/** Finds and reads every repository that an inventory names, and says the recipe. */
export async function makeRecipe(inventory: Inventory, making: Making): Promise<MadeRecipe> {
  const folder = await mkdtemp(join(tmpdir(), "strata-import-"));
  try {
    const access = { mirrors: making.mirrors, nodes: making.strata, folder, list: {} };
    const found = await withProgress("Looking up nodes", (say) => findNodes(inventory.nodes, access, say));
    const read = await withProgress("Reading nodes", (say) => readNodes(found.pinned, making, say));
    const main = await readComfyUi(inventory, making);
    const settled = defaults(inventory, making.images);
    const imported = importedRecipe(inventory, making, { ...read, main, settled });
    const unreachable = read.unreachable ?? main.unreachable;
    return {
      imported,
      recipe: comfyuiRecipe({ ...imported, nodes: imported.nodes.map(({ node }) => node) }),
      nodes: read.nodes,
      lock:
        unreachable === undefined
          ? ownLock([main.checkout, ...read.nodes.map(({ checkout }) => checkout)], making.strata)
          : undefined,
      unreachable,
      left: [...inventory.left, ...found.left, ...read.left, ...main.left, ...settled.left],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Main {
  /** undefined: strata's own. */
  readonly source: Partial<GitSource> | undefined;
  readonly checkout: NodeCheckout | undefined;
  readonly left: readonly LeftOut[];
  readonly unreachable?: string | undefined;
}

async function readComfyUi({ comfyui }: Inventory, reading: Reading): Promise<Main> {
  if (!comfyui) return { source: undefined, checkout: undefined, left: [] };
  const own = { ...comfyuiSource, ...comfyui, ref: comfyui.ref ?? "HEAD" };
  const source = {
    ...(own.repository === comfyuiSource.repository ? {} : { repository: own.repository }),
    ref: own.ref,
  };
  try {
    return { source, checkout: await checkoutOf(own, reading), left: [] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (isUnreachable(error)) return { source, checkout: undefined, left: [], unreachable: inOneLine(error) };
    const reason = `${inOneLine(error)}; the recipe has strata's own, ${comfyuiSource.ref}`;
    return {
      source: undefined,
      checkout: undefined,
      left: [{ what: `ComfyUI ${own.ref}`, reason }],
    };
  }
}

interface Parts {
  readonly nodes: readonly ReadNode[];
  readonly main: Main;
  readonly settled: ReturnType<typeof defaults>;
}

function importedRecipe(
  { packages, isWorker }: Inventory,
  { name, from }: Making,
  parts: Parts,
): ImportedRecipe {
  const { nodes, main, settled } = parts;
  return {
    name,
    summary: `ComfyUI with the ${nodes.length} custom nodes of ${from}`,
    ...(main.source ? { comfyui: main.source } : {}),
    ...(isWorker ? { runpod: true } : {}),
    nodes: nodes.map(({ written }) => written),
    ...(packages.length > 0 ? { packages } : {}),
    resolution: {
      additional: [{ requirement: "transformers<5", reason: "few nodes declare that they work with 5" }],
    },
    ...(Object.keys(settled.defaults).length > 0 ? { defaults: settled.defaults } : {}),
  };
}

/** Python by the base image that has it, CUDA where strata has a set of it. */
function defaults(
  { python, cuda }: Inventory,
  images: ImageLock,
): { defaults: RecipeDefaults; left: LeftOut[] } {
  const base = Object.entries(images).find(([, image]) => image.python === python);
  const known = cudaVersions.find((each) => each === cuda) as CudaVersion | undefined;
  const left = (what: string, has: string) => ({
    what,
    reason: `strata has ${has}; the recipe has the default`,
  });
  return {
    defaults: {
      ...(base ? { base: base[0], python: base[1].python } : {}),
      ...(known ? { cuda: known } : {}),
    },
    left: [
      ...(python !== null && !base
        ? [
            left(
              `Python ${python}`,
              Object.values(images)
                .map((image) => image.python)
                .sort()
                .join(", "),
            ),
          ]
        : []),
      ...(cuda !== null && !known ? [left(`CUDA ${cuda}`, cudaVersions.join(", "))] : []),
    ],
  };
}

/** What strata's own lock does not have, or has otherwise. */
function ownLock(checkouts: readonly (NodeCheckout | undefined)[], strata: NodeLock): NodeLock {
  const own = checkouts.filter(
    (each) => each !== undefined && !Object.values(strata.repositories).includes(each),
  );
  const named = own.flatMap((each) => (each ? [[gitRepositoryName(each.repository), each] as const] : []));
  return { repositories: Object.fromEntries(named), packages: {} };
}
