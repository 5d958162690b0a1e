import { execa } from "execa";
import { fetchMissing, type Remote, readTexts, resolveRef, shallow } from "./git.ts";

/** A commit of the default branch, its time in seconds since 1970, and a file's text in it; undefined without the file. */
export interface FileState {
  readonly commit: string;
  readonly time: number;
  readonly text: string | undefined;
}

/** How a file of the default branch became what it is, from the newest commit back; no other file is fetched. */
export async function fetchHistory(remote: Remote, path: string, folder: string): Promise<FileState[]> {
  const newest = await resolveRef(remote, "HEAD");
  const local = await shallow(remote, newest, folder, "--filter=blob:none");
  const log = async (...more: string[]) =>
    (await execa("git", local("log", "--first-parent", "--format=%H %ct", newest, ...more))).stdout
      .split("\n")
      .filter((line) => line !== "");
  const changed = (await log("--", path)).map((line) => line.slice(0, 40));
  const listing = await Promise.all(
    changed.map((commit) => execa("git", local("ls-tree", commit, "--", path))),
  );
  const blobs = listing.flatMap(({ stdout }, index) => {
    const [, object = ""] = /^\d+ blob (\w+)\t/.exec(stdout) ?? [];
    return object === "" ? [] : [{ path: changed[index] ?? "", object }];
  });
  await fetchMissing(remote, local, blobs);
  const texts = await readTexts(blobs, local);
  const states: FileState[] = [];
  // From the oldest on: between two changes the file stays what it is.
  let text: string | undefined;
  for (const line of (await log()).reverse()) {
    const commit = line.slice(0, 40);
    if (changed.includes(commit)) text = texts.get(commit);
    states.push({ commit, time: Number(line.slice(41)), text });
  }
  return states.reverse();
}
