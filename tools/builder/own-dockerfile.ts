import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a build's files are. */
export interface BuildFolder {
  /** Holds the Dockerfile and its files. */
  readonly folder: string;
  /** The Dockerfile, where it is not the folder's own. */
  readonly dockerfile?: string;
}

/** The folder that a build's Dockerfile is in: its context's, or one for the time of `work` where it is a text. */
export async function withDockerfile<T>(
  { folder, dockerfile }: BuildFolder,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  if (dockerfile === undefined) return await work(folder);
  const own = await mkdtemp(join(tmpdir(), "strata-dockerfile-"));
  try {
    await writeFile(join(own, "Dockerfile"), dockerfile);
    return await work(own);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
