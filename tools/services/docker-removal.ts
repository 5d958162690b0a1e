import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { attempt } from "../program/exec.ts";
import { buildkitImage, registryImage } from "../toolchain/tools.ts";
import { formerServices, ownNames } from "./docker-clone.ts";
import { findDockerEngine } from "./docker-engine.ts";
import {
  cloneId,
  type DockerNames,
  dockerNames,
  type FoundContainer,
  findContainer,
  HOME_LABEL,
  until,
} from "./docker-services.ts";
import { askRegistry, registryAnswers } from "./loopback.ts";
import type { Services } from "./record.ts";

const catalogSchema = z.object({ repositories: z.array(z.string()) });

/**
 * Removes all that this clone has in an engine; without a record only what lies where a first run would have put it.
 *
 * @param images whether the images of builder and registry go too, where no other clone uses them
 * @returns what stays, in lines for the user
 */
export async function removeFromDocker(
  home: Home,
  recorded: Services | undefined,
  images: boolean,
): Promise<string[]> {
  if (recorded?.builder.kind === "buildkitd") return [];
  try {
    const names = recorded ? await ownNames(home, recorded) : await unrecordedNames(home);
    if (names) await removeDocker(home, names);
    else if (!recorded) return [];
    if (images) await attempt("docker", ["image", "rm", buildkitImage, registryImage]);
    return [...(recorded && !recorded.docker ? [formerServices()] : []), ...(await othersInDocker(home))];
  } catch (error) {
    if (!(error instanceof UserError) || !recorded?.docker) throw error;
    const { builder, builderVolume, registry } = dockerNames(recorded.docker.clone);
    return [
      `not removed, as ${error.path} ${error.problem}`,
      `  once it answers: docker rm --force ${builder} ${registry}; docker volume rm ${builderVolume} ${registry}`,
    ];
  }
}

async function unrecordedNames(home: Home) {
  if ((await findDockerEngine()).kind !== "usable") return undefined;
  const names = dockerNames(cloneId(home));
  const { ok } = await attempt("docker", ["volume", "inspect", names.registry]);
  return ok ? names : undefined;
}

/** Removes both containers with their volumes, and what the engine itself has pulled from this registry. */
async function removeDocker(home: Home, { builder, builderVolume, registry }: DockerNames): Promise<void> {
  const container = await findContainer(registry);
  const images = await pulledImages(home, registry, container);
  if (container?.port) await attempt("docker", ["logout", `127.0.0.1:${container.port}`]);
  await attempt("docker", ["rm", "--force", "--volumes", builder, registry]);
  await attempt("docker", ["volume", "rm", builderVolume, registry]);
  if (images.length > 0) await attempt("docker", ["image", "rm", ...images]);
  for (const name of [builder, registry]) {
    if (!(await findContainer(name))) continue;
    throw new UserError(`container ${name}`, "cannot be removed.", `See why: docker rm --force ${name}`);
  }
}

/** The engine's images out of this registry. Its port was another one's before, so what it holds is asked too. */
async function pulledImages(
  { logins }: Home,
  registry: string,
  container: FoundContainer | undefined,
): Promise<string[]> {
  if (!container?.port) return [];
  const address = `127.0.0.1:${container.port}`;
  if (!container.running) {
    await attempt("docker", ["start", registry]);
    await until(() => registryAnswers(logins, address), "registry", "").catch(() => {});
  }
  const answer = await askRegistry(logins, address, "/v2/_catalog?n=1000");
  const repositories =
    answer?.status === 200 ? catalogSchema.parse(JSON.parse(answer.body)).repositories : [];
  const format = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}";
  const { stdout } = await attempt("docker", ["image", "ls", "--digests", "--format", format]);
  const known = new Set(repositories.map((name) => `${address}/${name}`));
  return stdout.split("\n").flatMap((line) => {
    const [repository = "", tag, digest] = line.split("\t");
    if (!known.has(repository)) return [];
    return digest?.startsWith("sha256:") ? [`${repository}@${digest}`] : [`${repository}:${tag}`];
  });
}

/** What others have in the same engine, in lines for the user. */
async function othersInDocker(home: Home): Promise<string[]> {
  const format = `{{.Label "${HOME_LABEL}"}}\t{{.Name}}`;
  const { stdout } = await attempt("docker", [
    ...["volume", "ls", "--filter", `label=${HOME_LABEL}`, "--format", format],
  ]);
  const volumes = stdout.split("\n").flatMap((line) => {
    const [owner, name] = line.split("\t");
    return owner && name && owner !== home.root ? [{ owner, name }] : [];
  });
  const owners = [...new Set(volumes.map(({ owner }) => owner))].sort();
  const images = await attempt("docker", ["image", "inspect", buildkitImage, registryImage]);
  return [
    ...(images.stdout.trim() !== "[]"
      ? [`kept in Docker: the images ${buildkitImage} and ${registryImage}`]
      : []),
    ...owners.map((owner) => {
      if (existsSync(owner)) return `kept in Docker: builder and registry of ${owner}`;
      const names = volumes.filter((volume) => volume.owner === owner).map(({ name }) => name);
      const containers = names.map((name) => name.replace(/_state$/, ""));
      return `left in Docker by ${owner}, which is gone: docker rm --force ${containers.join(" ")}; docker volume rm ${names.join(" ")}`;
    }),
  ];
}
