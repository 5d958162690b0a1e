/** The registry of this clone: a process with its files in `.strata`, or a container with a volume. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../../home.ts";
import { run } from "../program/exec.ts";
import { dockerNames } from "../services/docker-services.ts";
import { recallServices } from "../services/record.ts";
import { REGISTRY_CONFIG } from "../services/registry-process.ts";
import { chooseBuilderPlace, ensureServices, stopServices } from "../services/services.ts";
import { ensureTools, neededTools } from "../toolchain/toolchain.ts";
import { registryImage } from "../toolchain/tools.ts";

/** Where distribution keeps a link for each manifest of a repository: storage/paths.go of distribution 3.1. */
const revisionsOf = (repository: string) =>
  `docker/registry/v2/repositories/${repository}/_manifests/revisions/sha256`;

/** Each manifest of a repository, by the time of its link. */
export async function localRevisions(home: Home, repository: string): Promise<ReadonlyMap<string, Date>> {
  const services = await recallServices(home);
  if (services?.docker)
    return await revisionsInVolume(dockerNames(services.docker.clone).registry, repository);
  const folder = join(home.registry, revisionsOf(repository));
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const link = await stat(join(folder, name, "link")).catch(() => undefined);
      return link ? [[`sha256:${name}`, link.mtime] as const] : [];
    }),
  );
  return new Map(found.flat());
}

async function revisionsInVolume(container: string, repository: string): Promise<ReadonlyMap<string, Date>> {
  const folder = `/var/lib/registry/${revisionsOf(repository)}`;
  const find = `[ ! -d "$1" ] || find "$1" -name link -exec stat -c '%Y %n' {} +`;
  const links = await run("docker", ["exec", container, "sh", "-c", find, "find", folder]);
  return new Map(
    [...links.matchAll(/^(\d+) .*\/([0-9a-f]{64})\/link$/gm)].map(([, seconds, name]) => [
      `sha256:${name}`,
      new Date(Number(seconds) * 1_000),
    ]),
  );
}

/** Frees the disk of what no manifest names any more. The registry must not be written to meanwhile, so it is stopped. */
export async function collectBlobs(home: Home): Promise<void> {
  const services = await recallServices(home);
  if (services?.docker) {
    const { registry } = dockerNames(services.docker.clone);
    const collect = [
      "--rm",
      "--volumes-from",
      registry,
      registryImage,
      "garbage-collect",
      "/etc/distribution/config.yml",
    ];
    await run("docker", ["stop", registry]);
    try {
      await run("docker", ["run", ...collect]);
    } finally {
      await run("docker", ["start", registry]);
    }
    return;
  }
  const tools = await ensureTools(home, neededTools.buildkitd, true);
  if (!tools.registry) throw new Error("the registry is not resolved");
  await stopServices(home);
  try {
    await collectFiles(home, tools.registry.path);
  } finally {
    await ensureServices(home, await chooseBuilderPlace(home), tools);
  }
}

/** The same for the files of a registry that does not run. @param program distribution's `registry` */
export async function collectFiles(home: Home, program: string): Promise<void> {
  await run(program, ["garbage-collect", join(home.run, REGISTRY_CONFIG)], {
    // It would otherwise look for a trace collector.
    env: { OTEL_TRACES_EXPORTER: "none" },
  });
}
