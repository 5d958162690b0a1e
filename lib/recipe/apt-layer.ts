import { fetchList, lockedClosure } from "../locks/apt-lock.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** What a layer that installs packages of the distribution does it with, by their path from `layers/`. */
export const aptScripts = [
  "shared/settled.sh",
  "shared/fetch-packages.sh",
  "shared/install-packages.sh",
] as const;

/** The files that say which packages a layer installs: those that are locked, and names that no lock has. */
export function aptFiles(
  { apt }: Pick<Layer, "apt">,
  context: Pick<LayerContext, "apt" | "base" | "models">,
): Readonly<Record<string, string>> {
  const names = [...new Set(apt?.(context) ?? [])].sort();
  if (names.length === 0) return {};
  const { locked, unlocked } = context.apt
    ? lockedClosure(context.apt, names)
    : { locked: [], unlocked: names };
  return {
    "locked-packages.txt": context.apt && locked.length > 0 ? fetchList(context.apt, locked) : "",
    "packages.txt": unlocked.map((name) => `${name}\n`).join(""),
  };
}
