import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Home } from "../../home.ts";
import { DOCKER_HUB_KEY, dockerConfigFolder } from "../../oci/access/credentials.ts";
import { loginFolder } from "../../oci/access/logins.ts";
import { DEFAULT_REGISTRY } from "../../oci/references.ts";
import { writeAtomically } from "../program/files.ts";

/**
 * Runs `work` with the environment in which Docker's programs know a registry's login that strata keeps. Contexts,
 * plugins and builders are the user's own; the user's file is not touched, and helpers for other registries stay.
 */
export async function withLogin<T>(
  home: Home,
  registry: string,
  work: (environment: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  if (!(await storedLogin(home, registry))) return await work({});
  const folder = await mkdtemp(join(tmpdir(), "strata-docker-"));
  try {
    await writeDockerConfig(home, registry, folder);
    return await work({ DOCKER_CONFIG: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the same lies for an update, whose programs start and end with Pulumi. */
export function ownDockerConfig(home: Home): string {
  return join(home.docker, "config");
}

/** Brings that folder up to date: the user's configuration of today, with the login of the local registry. */
export async function refreshDockerConfig(home: Home, registry: string): Promise<string> {
  const folder = ownDockerConfig(home);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeDockerConfig(home, registry, folder);
  return folder;
}

/** The user's configuration with a login that strata keeps, in `folder`; the user may have chosen that very folder. */
async function writeDockerConfig(home: Home, registry: string, folder: string): Promise<void> {
  const user = dockerConfigFolder();
  if (resolve(user) !== resolve(folder)) {
    for (const entry of await readdir(user).catch(() => []))
      if (entry !== "config.json") await linkAnew(join(user, entry), join(folder, entry));
  }
  const config = (await readJson(join(user, "config.json"))) ?? {};
  const stored = (await storedLogin(home, registry)) ?? {};
  const text = JSON.stringify(withStored(config, registry, stored));
  await writeAtomically(join(folder, "config.json"), text, 0o600);
}

/** A folder that is there already keeps what it has under other names. */
async function linkAnew(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return;
  await rm(path, { recursive: true, force: true });
  await symlink(target, path);
}

function withStored(
  config: Record<string, unknown>,
  registry: string,
  stored: Record<string, unknown>,
): Record<string, unknown> {
  // Docker's programs know Docker Hub by another name than references have.
  const key = registry === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
  const { [registry]: login } = objectIn(stored, "auths");
  const merged = { ...config, auths: { ...objectIn(config, "auths"), [key]: login } };
  // A helper wins over what stands in the file; one for this registry alone can be left out without loss.
  const { [key]: _, ...helpers } = objectIn(config, "credHelpers");
  const { credsStore, ...rest } = merged as { credsStore?: unknown };
  const stores = Object.fromEntries(
    Object.keys(objectIn(config, "auths"))
      .filter((host) => host !== key && typeof credsStore === "string")
      .map((host) => [host, credsStore]),
  );
  return { ...rest, credHelpers: { ...stores, ...helpers } };
}

async function storedLogin(home: Home, registry: string): Promise<Record<string, unknown> | undefined> {
  return await readJson(join(loginFolder(home.logins, registry), "config.json"));
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

function objectIn(config: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = config[key];
  return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {};
}
