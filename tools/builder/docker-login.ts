import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  const storedLogin = await readJson(join(loginFolder(home.logins, registry), "config.json"));
  if (!storedLogin) return await work({});
  const user = dockerConfigFolder();
  const folder = await mkdtemp(join(tmpdir(), "strata-docker-"));
  try {
    for (const entry of await readdir(user).catch(() => []))
      if (entry !== "config.json") await symlink(join(user, entry), join(folder, entry));
    const config = (await readJson(join(user, "config.json"))) ?? {};
    // Docker's programs know Docker Hub by another name than references have.
    const key = registry === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
    const { [registry]: login } = objectIn(storedLogin, "auths");
    const merged = { ...config, auths: { ...objectIn(config, "auths"), [key]: login } };
    // A helper wins over what stands in the file; one for this registry alone can be left out without loss.
    const { [key]: _, ...helpers } = objectIn(config, "credHelpers");
    const { credsStore, ...rest } = merged as { credsStore?: unknown };
    const stores = Object.fromEntries(
      Object.keys(objectIn(config, "auths"))
        .filter((host) => host !== key && typeof credsStore === "string")
        .map((host) => [host, credsStore]),
    );
    const text = JSON.stringify({ ...rest, credHelpers: { ...stores, ...helpers } });
    await writeAtomically(join(folder, "config.json"), text, 0o600);
    return await work({ DOCKER_CONFIG: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
