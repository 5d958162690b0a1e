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

/** Reads `[[packages]]` of a pylock.toml as uv writes it (PEP 751): names, versions and which files there are. */
export function parsePylock(text: string): Available[] {
  return text
    .split(/^\[\[packages\]\]$/m)
    .slice(1)
    .map((table) => ({
      name: normaliseName(/^name = "([^"]+)"$/m.exec(table)?.[1] ?? ""),
      version: /^version = "([^"]+)"$/m.exec(table)?.[1] ?? "",
      wheels: [...table.matchAll(/\burl = "[^"]*\/([^"/]+\.whl)(?:#[^"]*)?"/g)].map(([, file]) => file ?? ""),
      hasSource: /^sdist = \{/m.test(table),
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
