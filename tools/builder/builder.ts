import { join } from "node:path";
import type { Home } from "../../home.ts";
import { parseReference } from "../../oci/references.ts";
import { attempt, type CommandResult } from "../program/exec.ts";
import { buildctlBuild } from "./buildctl.ts";
import { withLogin } from "./docker-login.ts";
import { findBuilder } from "./find-builder.ts";
import { withDockerfile } from "./own-dockerfile.ts";

/** A build outside Pulumi: the smoke test, and what bootstraps the rest. */
export interface BuildRequest {
  /** Holds the Dockerfile and its files. */
  readonly folder: string;
  /** The Dockerfile, where it is not the folder's own. */
  readonly dockerfile?: string;
  /** Named contexts: images by digest reference. */
  readonly images?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  /** Environment variables of this process that hold secrets, by the secrets' ids; unset ones are left out. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What its steps may do beside the ordinary, as BuildKit's `--allow` has it. */
  readonly allow?: readonly string[];
  /** As BuildKit's `--output` has it. */
  readonly output: string;
  /** File for what the exporter says, its digest for instance. */
  readonly metadata?: string;
  readonly onLine?: (line: string) => void;
  /** What the builder's client gets beside this process's environment; the ways to builders are found by it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Ends the build. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a build in the builder called `name`. buildctl and buildx speak to the same BuildKit; which one is there depends on
 * whether a Docker engine is.
 */
export async function buildInBuilder(
  home: Home,
  name: string,
  request: BuildRequest,
): Promise<CommandResult> {
  const [image] = Object.values(request.images ?? {});
  const work = (env: Readonly<Record<string, string>>) =>
    withDockerfile(request, (folder) => build(home, name, { ...request, dockerfiles: folder }, env));
  if (image === undefined) return await work({});
  return await withLogin(home, parseReference(image).registry, work);
}

/** A request, and the folder that its Dockerfile is in. */
type PlacedRequest = BuildRequest & { readonly dockerfiles: string };

async function build(
  home: Home,
  name: string,
  request: PlacedRequest,
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const { secrets = {}, allow = [], metadata, onLine, environment, signal } = request;
  const { buildctl, buildx } = await findBuilder(home, name, { ...process.env, ...environment });
  const options = {
    env: { ...environment, ...env, ...buildx },
    ...(onLine ? { onLine } : {}),
    ...(signal ? { signal } : {}),
  };
  const given = [
    ...Object.entries(secrets)
      .filter(([, variable]) => process.env[variable])
      .flatMap(([id, variable]) => ["--secret", `id=${id},env=${variable}`]),
    ...allow.flatMap((what) => ["--allow", what]),
  ];
  if (!buildctl) return await attempt("docker", buildxWords(name, request, given), options);
  const [program, ...address] = buildctl;
  return await buildctlBuild(program, [...address, ...buildctlWords(request, given)], metadata, options);
}

function buildctlWords(
  { folder, dockerfiles, images = {}, args = {}, output }: PlacedRequest,
  given: readonly string[],
): string[] {
  return [
    "build",
    "--progress=plain",
    "--frontend",
    "dockerfile.v0",
    "--local",
    `context=${folder}`,
    "--local",
    `dockerfile=${dockerfiles}`,
    ...frontendOptions(images, args),
    ...given,
    "--output",
    output,
  ];
}

function buildxWords(
  name: string,
  { folder, dockerfiles, images = {}, args = {}, output, metadata }: PlacedRequest,
  given: readonly string[],
): string[] {
  return [
    "buildx",
    "build",
    "--builder",
    name,
    "--progress=plain",
    // What buildx would say of the build makes an index of an image.
    "--provenance=false",
    ...(dockerfiles === folder ? [] : ["--file", join(dockerfiles, "Dockerfile")]),
    ...buildxOptions(images, args),
    ...given,
    ...(metadata ? ["--metadata-file", metadata] : []),
    "--output",
    output,
    folder,
  ];
}

/** Versions of what builds, as far as it tells them: BuildKit's own, and Node's. */
export async function builderVersions(home: Home, name: string): Promise<Record<string, string>> {
  const { buildctl, buildx: env } = await findBuilder(home, name);
  const { stdout } = buildctl
    ? await attempt(buildctl[0], [...buildctl.slice(1), "debug", "info"])
    : await attempt("docker", ["buildx", "inspect", name], { env });
  // `BuildKit: github.com/moby/buildkit v0.31.1 …`, and of buildx `BuildKit version: v0.31.1`.
  const version = /^BuildKit(?: version)?:.*?(v\d+\.\d+\S*)/m.exec(stdout)?.[1];
  return { node: process.version, ...(version && { buildkit: version }) };
}

/** Named contexts and arguments for buildx. */
function buildxOptions(
  images: Readonly<Record<string, string>>,
  args: Readonly<Record<string, string>>,
): string[] {
  return [
    ...Object.entries(images).flatMap(([key, image]) => [
      "--build-context",
      `${key}=docker-image://${image}`,
    ]),
    ...Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
  ];
}

/** What buildx's `--build-context` and `--build-arg` are for buildctl. */
function frontendOptions(
  images: Readonly<Record<string, string>>,
  args: Readonly<Record<string, string>>,
): string[] {
  return [
    ...Object.entries(images).map(([key, image]) => `context:${key}=docker-image://${image}`),
    ...Object.entries(args).map(([key, value]) => `build-arg:${key}=${value}`),
  ].flatMap((option) => ["--opt", option]);
}

/**
 * Removes what the builder keeps of finished builds: the records whose description `isMeant`, and with them the blobs
 * that nothing else needs. What is still in use stays.
 *
 * @returns how many records were removed
 */
export async function freeInBuilder(
  home: Home,
  name: string,
  isMeant: (description: string) => boolean,
): Promise<number> {
  const { buildctl, buildx: env } = await findBuilder(home, name);
  const call = (command: string, ...args: string[]): Promise<CommandResult> =>
    buildctl
      ? attempt(buildctl[0], [...buildctl.slice(1), command, ...args])
      : attempt("docker", ["buildx", command, "--builder", name, ...args], { env });
  // An answer counts even if the program fails after it, which buildctl has been seen to do.
  const { stdout } = await call("du", "--verbose");
  const ids = recordsIn(stdout)
    .filter(({ description }) => isMeant(description))
    .map(({ id }) => id);
  for (const id of ids) {
    await (buildctl
      ? call("prune", "--all", "--filter", `id==${id}`)
      : call("prune", "--all", "--force", "--filter", `id=${id}`));
  }
  return ids.length;
}

/** What `du --verbose` of buildctl and of buildx lists: a block for each record, `ID:` first. */
export function recordsIn(text: string): { readonly id: string; readonly description: string }[] {
  return text.split(/^(?=ID:)/m).flatMap((block) => {
    const id = /^ID:\s*(\S+)/.exec(block)?.[1];
    const description = /^Description:\s*(.*)$/m.exec(block)?.[1] ?? "";
    return id ? [{ id, description }] : [];
  });
}
