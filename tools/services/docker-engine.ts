import { satisfies } from "compare-versions";
import { z } from "zod";
import { attempt, type CommandResult, tail } from "../program/exec.ts";
import { executables } from "../toolchain/find.ts";
import { findVersion } from "../toolchain/tool-versions.ts";

/** A Docker engine that can hold the builder and the registry. */
export interface DockerEngine {
  /** Its own identity, so that another engine behind the same words is noticed. */
  readonly id: string;
  readonly version: string;
  /** Where `docker` finds it: `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  /** The folder of its data, as the engine sees it; undefined where that is in a virtual machine. */
  readonly root: string | undefined;
}

/** What `docker` is on this machine. */
export type DockerSearch =
  | { readonly kind: "usable"; readonly engine: DockerEngine }
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly problem: string; readonly remedy: string };

/** What `docker` says of itself and of its engine. */
export interface DockerFacts {
  /** `docker --version` */
  readonly program: string;
  /** `docker version`, as JSON. */
  readonly version: CommandResult;
  /** `docker info`, as JSON. */
  readonly info: CommandResult;
  readonly endpoint: string;
}

/** The least that the docker-build provider's client speaks, of Docker 19.03. */
const LEAST_API = "1.40";
/** The first with `create --buildkitd-config`. */
const LEAST_BUILDX = "0.13";
const TIMEOUT_MS = 10_000;

const versionSchema = z.object({
  Server: z
    .object({
      Version: z.string(),
      ApiVersion: z.string(),
      Components: z.array(z.object({ Name: z.string() })).nullish(),
    })
    .nullish(),
});
const infoSchema = z.object({
  ID: z.string(),
  DockerRootDir: z.string(),
  OperatingSystem: z.string(),
  ClientInfo: z.object({
    Plugins: z.array(z.object({ Name: z.string(), Version: z.string().optional() })).nullish(),
  }),
});

/** Whether podman answers as the engine behind Docker's client. */
export function isPodmans(server: {
  readonly Components?: readonly { readonly Name: string }[] | null | undefined;
}): boolean {
  return server.Components?.some(({ Name }) => /podman/i.test(Name)) ?? false;
}

/** Asks `docker` what it is; the client alone is no engine. */
export async function findDockerEngine(path = process.env.PATH ?? ""): Promise<DockerSearch> {
  const [program] = executables("docker", path);
  if (!program) return { kind: "none" };
  const ask = (...args: string[]) => attempt(program, args, { timeout: TIMEOUT_MS });
  const [named, version, info, context] = await Promise.all([
    ask("--version"),
    ask("version", "--format", "{{json .}}"),
    ask("info", "--format", "{{json .}}"),
    ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}"),
  ]);
  return judgeEngine({ program: named.stdout, version, info, endpoint: context.stdout.trim() });
}

/** Whether strata can use what `docker` says that it is. */
export function judgeEngine({ program, version, info, endpoint }: DockerFacts): DockerSearch {
  const refused = (problem: string, remedy: string): DockerSearch => ({ kind: "refused", problem, remedy });
  // podman answers by its own name or, behind a link, as "docker version 4.3.1".
  if (program && !program.startsWith("Docker version "))
    return podman(`\`docker\` is not Docker itself but podman or the like ("${program.trim()}")`);
  const server = parsed(versionSchema, version)?.Server;
  const told = parsed(infoSchema, info);
  if (!server || !told?.ID) return refused(...noAnswer(version.ok ? info : version, endpoint));
  if (isPodmans(server)) return podman(`the engine at ${endpoint} is podman ${server.Version}`);
  if (!isHere(endpoint)) {
    return refused(
      `the Docker engine is another machine's (${endpoint}), whose loopback address holds a registry that nobody reaches from here`,
      "Choose an engine of this machine (`docker context use default`, without DOCKER_HOST and DOCKER_CONTEXT), or run strata over there.",
    );
  }
  if (!satisfies(server.ApiVersion, `>=${LEAST_API}`)) {
    return refused(
      `Docker ${server.Version} is too old (API ${server.ApiVersion}, ${LEAST_API} is needed)`,
      "Upgrade Docker: https://docs.docker.com/engine/install/",
    );
  }
  const buildx = told.ClientInfo.Plugins?.find(({ Name }) => Name === "buildx");
  const number = findVersion(buildx?.Version ?? "");
  if (!buildx || (number && !satisfies(number, `>=${LEAST_BUILDX}`))) {
    return refused(
      buildx ? `buildx ${number} is too old (${LEAST_BUILDX} is needed)` : "Docker has no buildx",
      "Install it: apt-get install docker-buildx-plugin (Docker's own packages) or docker-buildx (Debian, Ubuntu).",
    );
  }
  const inMachine = told.OperatingSystem.includes("Docker Desktop");
  const root = inMachine ? undefined : told.DockerRootDir;
  return { kind: "usable", engine: { id: told.ID, version: server.Version, endpoint, root } };
}

/** Its volumes, networks and cgroups differ where BuildKit's container needs them; nobody has tried. */
function podman(problem: string): DockerSearch {
  return {
    kind: "refused",
    problem: `${problem}, which cannot hold the builder`,
    remedy:
      "Put Docker itself first on PATH and in DOCKER_HOST; a host of kind docker takes `engine: podman`.",
  };
}

function noAnswer({ stderr, all }: CommandResult, endpoint: string): [problem: string, remedy: string] {
  const said = tail(stderr || all, 1).trim();
  if (/permission denied/i.test(said)) {
    return [
      `this user may not use the Docker engine (${said})`,
      'Let it: sudo usermod -aG docker "$USER", then log in anew; or run rootless Docker.',
    ];
  }
  const isChosen = endpoint !== "unix:///var/run/docker.sock";
  return [
    `the Docker engine does not answer (${said})`,
    isChosen
      ? "Start it, or choose another one: DOCKER_HOST, DOCKER_CONTEXT and `docker context use` say which."
      : "Start Docker: sudo systemctl start docker",
  ];
}

/** Whether what an engine publishes on its loopback address can be reached here. */
export function isHere(endpoint: string): boolean {
  if (/^(unix|fd):/.test(endpoint)) return true;
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : "";
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function parsed<T>(schema: z.ZodType<T>, { stdout }: CommandResult): T | undefined {
  try {
    return schema.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
