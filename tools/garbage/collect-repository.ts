import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { type Collection, collect } from "../../lib/garbage/collection.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { imageRepository, type RegistrySetting } from "../../lib/registry/registry-setting.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference, type Reference } from "../../oci/references.ts";
import { withProgress } from "../program/progress.ts";
import type { Stack } from "../stack/stack.ts";
import { defaultDays, openInventory } from "./open-inventory.ts";
import { readContents } from "./read-contents.ts";
import { plannedTags, promotionRoots, stateRoots } from "./roots.ts";
import type { StoredImages } from "./stored-images.ts";

/** A repository of a stack, and what kind of registry it is in. */
export interface Repository {
  /** `host[:port]/path` */
  readonly name: string;
  readonly target: Reference;
  readonly setting: RegistrySetting;
}

/** Where a stack's images go: its own registry, then its copies. */
export function repositoriesOf(
  home: Home,
  { registry, copies }: Pick<Config, "registry" | "copies">,
): Repository[] {
  return [registry, ...copies].map((setting) => {
    const name = imageRepository(setting, registryAddress(home.services));
    const { registry: host, repository } = parseReference(name);
    return { name, target: { registry: host, repository }, setting };
  });
}

/** Who asks. */
export interface Asking {
  readonly home: Home;
  /** Whose states say what is needed. */
  readonly stacks: readonly Stack[];
  readonly transport: Transport;
}

/** Reads a repository, and tells what of it nothing needs. */
export async function collectRepository(
  { home, stacks, transport }: Asking,
  { name, target, setting }: Repository,
  { days, keep }: { readonly days: number | undefined; readonly keep: number },
): Promise<{ inventory: StoredImages; collection: Collection }> {
  const inventory = await openInventory(home, setting, transport);
  return await withProgress(`Reading ${name}`, async (say) => {
    const contents = await readContents(target, inventory, transport, say);
    // Asked after the contents: what came since is not among these, and what they need is known by now.
    const [states, planned, promoted] = await Promise.all([
      stateRoots(home, stacks),
      plannedTags(home),
      promotionRoots(target, contents.tags.keys(), keep, transport),
    ]);
    const needs = {
      roots: [...states.roots, ...promoted],
      namedTags: new Map([...planned, ...states.tags]),
      now: new Date(),
    };
    return { inventory, collection: collect(contents, { ...needs, days: days ?? defaultDays(setting) }) };
  });
}
