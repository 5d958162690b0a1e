import { UserError } from "../../errors.ts";
import { isAddress } from "../comfyui/custom-nodes.ts";
import { normaliseName, type Requirement, requirementName } from "../locks/python-lock.ts";
import { parseRequirement } from "../locks/requirement.ts";
import type { Resolution } from "../recipe/recipe.ts";

/** What the resolver gets. */
export interface ResolverInputs {
  /** A requirement file for each origin, so that the resolver's messages and comments name it. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Distributions that are kept out, whoever asks for them. */
  readonly excluded: readonly string[];
}

/** Drops what a layer only passes on for a node or for ComfyUI: the one who asked first is the one to name. */
export function byOrigin(requirements: readonly Requirement[]): Requirement[] {
  const isLayer = ({ by }: Requirement) => by.startsWith("layer ");
  const others = new Set(requirements.filter((entry) => !isLayer(entry)).map(({ line }) => line));
  return requirements.filter((entry) => !isLayer(entry) || !others.has(entry.line));
}

/**
 * Sorts requirements by who asks for them. An aliased distribution is asked for under the name of the one that stands
 * in for it, with the same versions: they are the same software, packed differently.
 */
export function resolverInputs(
  requirements: readonly Requirement[],
  aliases: NonNullable<Resolution["aliases"]> = {},
): ResolverInputs {
  const standIns = new Map(Object.entries(aliases).map(([alias, { of }]) => [normaliseName(alias), of]));
  const files = new Map<string, string[]>();
  const add = (file: string, line: string) => {
    const lines = files.get(file) ?? [];
    if (!lines.includes(line)) files.set(file, [...lines, line]);
  };
  for (const { line, by } of requirements) {
    if (isAddress(line)) {
      throw new UserError(by, `asks for "${line}", which nothing pins.`, "Name a package of the index.");
    }
    const of = standIns.get(requirementName(line));
    // Extras belong to the distribution that they were written for.
    add(fileName(by), of ? `${of}${parseRequirement(line)?.rest ?? ""}` : line);
  }
  return { files, excluded: [...standIns.keys()] };
}

/** `kijai/ComfyUI-KJNodes requirements.txt` becomes `kijai-ComfyUI-KJNodes-requirements.in`; reasons are left out. */
export function fileName(by: string): string {
  const name = by
    .replace(/ \(.*\)$/, "")
    .replace(/\.(txt|in)$/, "")
    .replace(/[^\w.-]+/g, "-");
  return `${name}.in`;
}
