import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { isFar, type StackBuilder } from "../lib/builders/builder-setting.ts";
import type { RegistrySetting } from "../lib/registry/registry-setting.ts";
import { dockerConfigFolder, findCredentials } from "../oci/access/credentials.ts";
import { Transport } from "../oci/access/transport.ts";
import { imageExists } from "../oci/read/image.ts";

/** What an update needs on its machine; a preview needs none of it. */
export interface RequiredServices {
  readonly builders: readonly Pick<StackBuilder, "path" | "setting" | "names">[];
  readonly registries: readonly RegistrySetting[];
  /** `host:port` of the local registry. */
  readonly localAddress: string;
  /** Where set-up tells of the builder, and of the local registry's login. */
  readonly ownDocker: string;
}

/**
 * Throws where a registry on this machine does not answer, before anything is built. A builder or a login that is not known
 * here is told of, and no error: an update that builds nothing needs none.
 */
export async function requireServices(
  needed: RequiredServices,
): Promise<{ readonly warning: string | null }> {
  const { registries, localAddress, builders, ownDocker } = needed;
  for (const { path, setting } of builders) requireWay(path, setting);
  const local = registries.find(({ kind }) => kind === "local");
  // One try: `make up` has waited for it, and nobody else will start it in the meantime.
  if (local)
    await imageExists(
      `${localAddress}/${local.repository}:none`,
      new Transport({ attempts: 1, timeoutMs: 10_000 }),
    );
  const unknown = builders.flatMap(({ names }) => names).find((name) => !knowsBuilder(name));
  if (unknown !== undefined) return { warning: missingBuilder(unknown, ownDocker) };
  return { warning: local ? await missingLogin(localAddress, join(ownDocker, "config")) : null };
}

/** What buildx knows under a builder's name may be another one, where nobody has opened the way to a builder elsewhere. */
function requireWay(path: string, setting: StackBuilder["setting"]): void {
  if (!isFar(setting) || process.env.STRATA_WAYS) return;
  throw new UserError(
    path,
    "is a builder elsewhere, and the way to it is open only while a command of strata runs.",
    "Use `make up` instead of `pulumi up`.",
  );
}

/** Builds are given the login by Docker's configuration alone, where `make up` has put it. */
async function missingLogin(address: string, folder: string): Promise<string | null> {
  const known = await findCredentials(address, dockerConfigFolder());
  if (known || !(await findCredentials(address, folder))) return null;
  return new UserError(
    `registry ${address}`,
    `wants a login, which Docker's configuration in ${dockerConfigFolder()} does not have.`,
    `export DOCKER_CONFIG=${folder}, where \`make up\` has put it beside your own.`,
  ).message;
}

function missingBuilder(builder: string, ownDocker: string): string {
  const remedy = existsSync(join(ownDocker, "buildx", "instances", builder))
    ? `export BUILDX_CONFIG=${join(ownDocker, "buildx")}, where \`make up\` has put it.`
    : "`make up` makes it, and the registry beside it; strata:builder names another.";
  return new UserError(`builder ${builder}`, `is not known to buildx in ${buildxFolder()}.`, remedy).message;
}

/** A builder is an instance of buildx, or has the name of a Docker context. */
function knowsBuilder(name: string, docker = dockerConfigFolder()): boolean {
  if (name === "default" || existsSync(join(buildxFolder(), "instances", name))) return true;
  const contexts = join(docker, "contexts", "meta");
  if (!existsSync(contexts)) return false;
  return readdirSync(contexts).some((folder) => nameIn(join(contexts, folder, "meta.json")) === name);
}

function nameIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")).Name;
  } catch {
    return undefined;
  }
}

function buildxFolder(): string {
  return process.env.BUILDX_CONFIG || join(dockerConfigFolder(), "buildx");
}
