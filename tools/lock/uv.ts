import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "../exec.ts";
import { cache } from "../home.ts";
import { step } from "../progress.ts";

/** The uv that resolves; the same version is locked for the builds. */
const uvVersion = "0.13.8";

/** uv from its wheel, kept in the cache: the lock must come from the version that the builds install with. */
export async function installUv(): Promise<string> {
  const folder = join(cache, `uv-${uvVersion}`);
  const uv = join(folder, "bin", "uv");
  if (!existsSync(uv)) {
    await step(`Installing uv ${uvVersion}`, () =>
      run("python3", ["-m", "pip", "install", "--quiet", "--target", folder, `uv==${uvVersion}`], {
        remedy: "Install Python 3 with pip, or check the network.",
      }),
    );
  }
  return uv;
}
