/** The images of the builder and the registry, made of the programs that run without Docker: no registry is asked. */
import { execFileSync } from "node:child_process";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { copyFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Home } from "../../../home.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { buildkitImage, registryImage } from "../../../tools/toolchain/tools.ts";
import { writeFile } from "../../support/layers.ts";
import type { Engine } from "./engine.ts";

const registryConfig = `version: 0.1
storage:
  filesystem: { rootdirectory: /var/lib/registry }
http: { addr: ":5000" }
`;

/** Gives the engine both images under the names that strata asks for. */
export async function makeServiceImages(engine: Engine, home: Home): Promise<void> {
  const tools = await ensureTools(home, ["buildkitd", "buildctl", "runc", "registry"], true);
  const { buildkitd, buildctl, runc, registry } = tools;
  if (!buildkitd || !buildctl || !runc || !registry) throw new Error("the builder's tools are not resolved");
  const path = 'ENV PATH="/usr/bin"';
  await makeImage(engine, buildkitImage, [buildkitd.path, buildctl.path, runc.path], {}, [
    path,
    'ENTRYPOINT ["buildkitd"]',
  ]);
  const files = { "etc/distribution/config.yml": registryConfig };
  await makeImage(engine, registryImage, [registry.path], files, [
    path,
    'ENTRYPOINT ["registry"]',
    'CMD ["serve","/etc/distribution/config.yml"]',
  ]);
}

/** An image of programs, the libraries that they load, and files. */
async function makeImage(
  engine: Engine,
  name: string,
  programs: readonly string[],
  files: Readonly<Record<string, string>>,
  changes: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "strata-image-"));
  try {
    for (const part of ["tmp", "etc", "usr/bin", "var/lib/registry"])
      mkdirSync(join(folder, part), { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFile(folder, path, text);
    for (const program of programs) {
      await copyFile(program, join(folder, "usr/bin", program.split("/").at(-1) ?? ""));
      for (const library of librariesOf(program)) {
        mkdirSync(dirname(join(folder, library)), { recursive: true });
        await copyFile(realpathSync(library), join(folder, library));
      }
    }
    const tar = join(folder, "..", `${folder.split("/").at(-1)}.tar`);
    execFileSync("tar", ["-cf", tar, "-C", folder, "."]);
    const options = changes.flatMap((change) => ["--change", change]);
    const { exitCode, all } = await engine.docker("import", ...options, tar, name);
    rmSync(tar);
    if (exitCode !== 0) throw new Error(`${name} cannot be made: ${all}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function librariesOf(program: string): string[] {
  try {
    const told = execFileSync("ldd", [program], { stdio: ["ignore", "pipe", "ignore"] }).toString();
    return [...told.matchAll(/(\/\S+) \(0x/g)].map(([, library = ""]) => library);
  } catch {
    // Go programs are whole.
    return [];
  }
}
