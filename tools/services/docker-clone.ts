import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { dockerConfigFolder, findCredentials } from "../../oci/access/credentials.ts";
import { keptLogin } from "../../oci/access/logins.ts";
import { attempt, tail } from "../program/exec.ts";
import { note } from "../program/progress.ts";
import { BUILDER, type BuilderSettings } from "./buildkitd.ts";
import { type DockerEngine, findDockerEngine } from "./docker-engine.ts";
import { ensureDockerRegistry } from "./docker-registry.ts";
import {
  cloneId,
  dockerNames,
  ensureDockerBuilder,
  findContainer,
  HOME_LABEL,
  isOfAnother,
  stopDocker,
} from "./docker-services.ts";
import { decidePort, isFree, type Occupant, type PortRequest } from "./ports.ts";
import { portOf, type Services } from "./record.ts";

/** Makes sure of this clone's own builder and registry in the engine. */
export async function ensureInDocker(
  home: Home,
  engine: DockerEngine,
  recorded: Services | undefined,
  wish: PortRequest,
  settingsFor: (registry: string) => Promise<BuilderSettings>,
): Promise<Services> {
  if (recorded?.builder.kind === "docker" && !recorded.docker) note(formerServices());
  const clone = recorded?.docker?.clone ?? cloneId(home);
  const names = dockerNames(clone);
  const ours = await findContainer(names.registry);
  if (isOfAnother(home, ours?.home)) throw copied(home, ours.home);
  const known = recorded?.docker ? portOf(recorded.registry.address) : undefined;
  const { port, moved } = await decidePort(
    "registry",
    { ...wish, recorded: known ?? ours?.port },
    async (candidate) => await occupant(candidate, ours?.running ? ours.port : undefined),
  );
  if (moved) note(`services: ${moved}`);
  const address = `127.0.0.1:${port}`;
  const started = await ensureDockerRegistry(home, names, port, ours);
  await logInDocker(home, address);
  const built = await ensureDockerBuilder(home, names, engine, await settingsFor(address));
  note(
    `services: builder ${BUILDER} and registry ${address}, Docker containers${started || built ? "" : ", running"}`,
  );
  return {
    builder: { kind: "docker", name: BUILDER, address: `docker-container://${names.builder}` },
    registry: { kind: "docker", address },
    docker: { clone, engine: engine.id, endpoint: engine.endpoint },
  };
}

/** What the user types (`docker run`, `docker pull`) finds the login where `docker login` has put it. */
async function logInDocker(home: Home, address: string): Promise<void> {
  const [kept, known] = await Promise.all([
    keptLogin(home.logins, address),
    findCredentials(address, dockerConfigFolder()).catch(() => undefined),
  ]);
  if (kept?.kind !== "password") throw new Error(`no login for ${address}`);
  if (known?.kind === "password" && known.password === kept.password) return;
  const words = ["login", "--username", kept.username, "--password-stdin", address];
  const { ok, all } = await attempt("docker", words, { input: kept.password });
  if (!ok) {
    note(
      `services: \`docker login ${address}\` failed (${tail(all, 1).trim()}): instead of \`docker run\`, \`make run\` knows the login by itself`,
    );
  }
}

async function occupant(port: number, ours: number | undefined): Promise<Occupant> {
  if (port === ours) return { kind: "ours" };
  if (await isFree(port)) return { kind: "nobody" };
  const format = `{{.Names}}\t{{.Label "${HOME_LABEL}"}}`;
  const { stdout } = await attempt("docker", ["ps", "--filter", `publish=${port}`, "--format", format]);
  const [name, owner] = stdout.split("\n")[0]?.split("\t") ?? [];
  if (owner) return { kind: "stranger", description: `the registry of ${owner}` };
  return { kind: "stranger", description: name ? `the container ${name}` : "another process" };
}

/** Stops what the record names; its data stays. */
export async function stopInDocker(home: Home, recorded: Services): Promise<string[]> {
  const names = await ownNames(home, recorded);
  return names ? await stopDocker(names) : [];
}

/** The names of what this clone has where its record says; undefined where that is another's. */
export async function ownNames(home: Home, { docker }: Services) {
  if (!docker) return undefined;
  await engineOfRecord(docker);
  const names = dockerNames(docker.clone);
  return isOfAnother(home, (await findContainer(names.registry))?.home) ? undefined : names;
}

/** The engine that the builder and the registry are in. @throws UserError where it does not answer, or is another one. */
export async function engineOfRecord({
  engine: id,
  endpoint,
}: NonNullable<Services["docker"]>): Promise<DockerEngine> {
  const found = await findDockerEngine();
  const path = `the Docker engine at ${endpoint}, which has this clone's builder and registry,`;
  if (found.kind === "usable" && found.engine.id === id) return found.engine;
  if (found.kind === "usable") {
    throw new UserError(
      path,
      `is not the one that \`docker\` talks to now (${found.engine.endpoint}).`,
      "Go back to it (DOCKER_HOST, DOCKER_CONTEXT, `docker context use`), or `make clean` to begin again.",
    );
  }
  throw new UserError(
    path,
    found.kind === "refused"
      ? `cannot be used: ${found.problem}.`
      : "cannot be asked: there is no `docker` on PATH.",
    `${found.kind === "refused" ? `${found.remedy} ` : ""}Or \`make clean\` to begin again without it.`,
  );
}

/** What earlier versions made, for all clones together. */
export function formerServices(): string {
  return `services: the builder and the registry that clones shared before are not used any more; remove them: docker buildx rm ${BUILDER}; docker rm --force strata-registry; docker volume rm strata-registry`;
}

function copied(home: Home, owner: string): UserError {
  return new UserError(
    home.root,
    `is a copy of ${owner}, whose builder and registry these are.`,
    "`make clean` here leaves those alone and removes the copied state, then `make up` makes some of its own.",
  );
}
