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
  /** Bytes of wheels by file name; absent where the index says none. */
  readonly bytes?: Readonly<Record<string, number>>;
  readonly hasSource: boolean;
}

const schema = z.object({
  packages: z
    .array(
      z.object({
        name: z.string(),
        version: z.string().default(""),
        wheels: z.array(z.object({ url: z.string().default(""), size: z.number().optional() })).default([]),
        sdist: z.unknown().optional(),
      }),
    )
    .default([]),
});

/** Reads the packages of a pylock.toml as uv writes it (PEP 751): names, versions and which files there are. */
export function parsePylock(text: string): Available[] {
  return schema.parse(parse(text)).packages.map(({ name, version, wheels, sdist }) => {
    const files = wheels.flatMap(({ url, size }) => {
      const file = /([^/]+\.whl)(?:[?#].*)?$/.exec(url)?.[1];
      return file === undefined ? [] : [{ file, size }];
    });
    const sized = files.flatMap(({ file, size }) => (size === undefined ? [] : [[file, size] as const]));
    return {
      name: normaliseName(name),
      version,
      wheels: files.map(({ file }) => file),
      ...(sized.length > 0 ? { bytes: Object.fromEntries(sized) } : {}),
      hasSource: sdist !== undefined,
    };
  });
}

/** Marks the distributions of a lock's body that have to be built from source, below who asks for them. */
export function markSources(body: string, names: ReadonlySet<string>): string {
  return marked(body, (name) => (names.has(name) ? "source: sdist" : undefined));
}

/** MB below which no wheel decides which layer it is in. */
const LEAST_TOLD = 5;

/** Notes the size of large wheels, by which stages come as several layers. @param bytes by normalised name */
export function markSizes(body: string, bytes: ReadonlyMap<string, number>): string {
  return marked(body, (name) => {
    const megabytes = Math.round((bytes.get(name) ?? 0) / 1e6);
    return megabytes >= LEAST_TOLD ? `size: ${megabytes} MB` : undefined;
  });
}

/** A lock's body with a comment below some of its distributions. */
function marked(body: string, commentOf: (name: string) => string | undefined): string {
  return body
    .split(/\n(?=[A-Za-z0-9])/)
    .map((block) => {
      const name = /^[A-Za-z0-9][\w.-]*/.exec(block)?.[0];
      const comment = name === undefined ? undefined : commentOf(normaliseName(name));
      return comment === undefined
        ? block
        : `${block.trimEnd()}\n    # ${comment}${block.endsWith("\n") ? "\n" : ""}`;
    })
    .join("\n");
}
