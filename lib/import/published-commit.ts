import { parse } from "smol-toml";
import { z } from "zod";

/** A commit of the default branch with the pyproject.toml that it has, from the newest back. */
export interface ProjectState {
  readonly commit: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly text: string | undefined;
}

/** A clock may be off, and publishing takes a while. */
const SLACK_SECONDS = 600;

/**
 * The commit that was published as a version. The registry takes what lies in the repository when pyproject.toml has a
 * new version, and keeps no commit: it is the last one before the publication that has this version, and where nobody
 * knows when that was, the first one.
 */
export function publishedCommit(
  history: readonly ProjectState[],
  published: { readonly name: string; readonly version: string; readonly at: number | undefined },
): string | undefined {
  const { at } = published;
  const fitting = history.filter(({ text }) => says(text, published));
  const before =
    at === undefined ? undefined : fitting.find(({ time }) => time <= at + SLACK_SECONDS)?.commit;
  return before ?? fitting.at(-1)?.commit;
}

const project = z.object({ project: z.object({ name: z.string(), version: z.string() }) });

/** The name as well: a repository may hold another node by now. */
function says(
  text: string | undefined,
  { name, version }: { readonly name: string; readonly version: string },
): boolean {
  if (text === undefined) return false;
  try {
    const found = project.safeParse(parse(text)).data?.project;
    return (
      found !== undefined &&
      found.name.trim().toLowerCase() === name.toLowerCase() &&
      plain(found.version) === plain(version)
    );
  } catch {
    return false;
  }
}

/** ComfyUI-Manager writes `2.5` as `2.5.0`. */
function plain(version: string): string {
  return version
    .trim()
    .replace(/^v/, "")
    .replace(/(\.0)+$/, "");
}
