import { createHash } from "node:crypto";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import type { PlanSources } from "../../lib/plan/plan.ts";

export interface LockEntry {
  /** Who asks for it. @default nobody but us */
  readonly by?: readonly string[];
  /** It exists only as source. */
  readonly sdist?: true;
  /** Another file of the same version. */
  readonly file?: string;
}

/** A lock of these distributions, by `name==version`, read as a real one is. */
export function lockOf(entries: Readonly<Record<string, LockEntry>>): PlanSources["lock"] {
  const path = "locks/python/test.txt";
  const text = Object.entries(entries).map(([pin, { by = ["-r requirements.in"], sdist, file = pin }]) =>
    [
      `${pin} \\`,
      `    --hash=sha256:${createHash("sha256").update(file).digest("hex")}`,
      "    # via",
      ...by.map((name) => `    #   ${name}`),
      ...(sdist ? ["    # source: sdist"] : []),
      "",
    ].join("\n"),
  );
  return { path, distributions: parsePythonLock(text.join(""), path) };
}
