import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder that a build's Dockerfile is in: its context's, or one for the time of `work` where it is a text. */
export async function withDockerfile<T>(
  { folder, dockerfile }: { readonly folder: string; readonly dockerfile?: string },
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
