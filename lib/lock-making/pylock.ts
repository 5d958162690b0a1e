import { parse } from "smol-toml";
import { z } from "zod";
import { normaliseName } from "../locks/python-lock.ts";

/** What the index has of a pinned distribution. */
export interface Available {
  /** Normalised. */
  readonly name: string;
  readonly version: string;
  /** File names. */
  readonly wheels: readonly string[];
  readonly hasSource: boolean;
}

const schema = z.object({
  packages: z
    .array(
      z.object({
        name: z.string(),
        version: z.string().default(""),
        wheels: z.array(z.object({ url: z.string().default("") })).default([]),
        sdist: z.unknown().optional(),
      }),
    )
    .default([]),
});

/** Reads the packages of a pylock.toml as uv writes it (PEP 751): names, versions and which files there are. */
export function parsePylock(text: string): Available[] {
  return schema.parse(parse(text)).packages.map(({ name, version, wheels, sdist }) => ({
    name: normaliseName(name),
    version,
    wheels: wheels.flatMap(({ url }) => /([^/]+\.whl)(?:[?#].*)?$/.exec(url)?.[1] ?? []),
    hasSource: sdist !== undefined,
  }));
}

/** Marks the distributions of a lock's body that have to be built from source, below who asks for them. */
export function markSources(body: string, names: ReadonlySet<string>): string {
  return body
    .split(/\n(?=[A-Za-z0-9])/)
    .map((block) => {
      const name = normaliseName(/^[A-Za-z0-9][\w.-]*/.exec(block)?.[0] ?? "");
      return names.has(name)
        ? `${block.trimEnd()}\n    # source: sdist${block.endsWith("\n") ? "\n" : ""}`
        : block;
    })
    .join("\n");
}
