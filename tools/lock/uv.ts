import { existsSync } from "node:fs";
import { join } from "node:path";
import { cache } from "../../home.ts";
import { attempt, type CommandResult, run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";

/** The uv that resolves; the same version is locked for the builds. */
const uvVersion = "0.13.8";

/** Wheels must run on the oldest base image: Debian bookworm has this one. */
export const glibc = "2.36";
const platform = `x86_64-manylinux_${glibc.replace(".", "_")}`;

/** Runs `uv pip compile` in a folder. Which indexes are asked, the environment says: UV_DEFAULT_INDEX, UV_INDEX. */
export type Compile = (folder: string, python: string, args: readonly string[]) => Promise<CommandResult>;

/** uv from its wheel, kept in the cache: the lock must come from the version that the builds install with. */
export async function installUv(): Promise<Compile> {
  const folder = join(cache, `uv-${uvVersion}`);
  const uv = join(folder, "bin", "uv");
  if (!existsSync(uv)) {
    await withProgress(`Installing uv ${uvVersion}`, () =>
      run("python3", ["-m", "pip", "install", "--quiet", "--target", folder, `uv==${uvVersion}`], {
        remedy: "Install Python 3 with pip, or check the network.",
      }),
    );
  }
  return (cwd, python, args) =>
    attempt(
      uv,
      [
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--generate-hashes",
        // A lock holds no addresses: which index has the files is configuration.
        "--no-emit-index-url",
        "--no-emit-find-links",
        // Metadata of source packages is made by the Python that is there; looking for another one only takes time.
        "--python",
        "python3",
        // uv resolves alike for a free-threaded build, which only has other wheels.
        "--python-version",
        python.replace(/t$/, ""),
        ...(args.includes("--universal") ? [] : ["--python-platform", platform]),
        ...args,
      ],
      { cwd, env: { UV_PYTHON_DOWNLOADS: "never" } },
    );
}
