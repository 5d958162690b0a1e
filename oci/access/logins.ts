/**
 * Logins that strata itself keeps: a folder for each registry in the form of Docker's own configuration, so that
 * buildctl, buildx and our client read them alike. Programs that an update runs find them here; an argument or an
 * environment variable would become part of Pulumi's state and, with a token of today, a difference each day.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Credentials } from "./credentials.ts";

/** A login for one registry. */
export interface RegistryLogin {
  /** Host with its port. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
  /** When it stops being one, as ISO time; absent where nobody knows. */
  readonly expires?: string;
}

const kept = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string() })),
  expires: z.iso.datetime().optional(),
});

/** A token that ends so soon is not begun with. */
const SPARE_MS = 60_000;

/** The folder of one registry, which serves as `DOCKER_CONFIG`. */
export function loginFolder(logins: string, registry: string): string {
  return join(logins, registry);
}

/** Where a registry's own certificate authorities are. */
export function authorityFile(logins: string, registry: string): string {
  return join(loginFolder(logins, registry), "ca.pem");
}

/** Keeps a login, for this user alone; without one, that of an earlier run is forgotten. */
export async function keepLogin(
  logins: string,
  registry: string,
  login: RegistryLogin | undefined,
): Promise<void> {
  const auth = login && Buffer.from(`${login.username}:${login.password}`).toString("base64");
  const config = login && {
    auths: { [login.address]: { auth } },
    ...(login.expires && { expires: login.expires }),
  };
  const text = config && `${JSON.stringify(config, null, 2)}\n`;
  await keep(join(loginFolder(logins, registry), "config.json"), text);
}

/**
 * Keeps the certificate authorities of a registry, as PEM. They are trusted beside the public ones, and the registry
 * speaks HTTPS, on a loopback address too. Without any, those of an earlier run are forgotten.
 */
export async function keepAuthority(
  logins: string,
  registry: string,
  pem: string | undefined,
): Promise<void> {
  await keep(authorityFile(logins, registry), pem);
}

/** The registries that have authorities of their own. */
export async function keptAuthorities(logins: string): Promise<{ registry: string; pem: string }[]> {
  const registries = await readdir(logins).catch(() => []);
  const authorities = await Promise.all(
    registries.toSorted().map(async (registry) => {
      const pem = await readFile(authorityFile(logins, registry), "utf8").catch(() => undefined);
      return pem === undefined ? [] : [{ registry, pem }];
    }),
  );
  return authorities.flat();
}

/** The login that was kept for a registry; undefined where there is none, or none that still works. */
export async function keptLogin(logins: string, registry: string): Promise<Credentials | undefined> {
  const text = await readFile(join(loginFolder(logins, registry), "config.json"), "utf8").catch(() => "");
  if (text === "") return undefined;
  const { auths, expires } = kept.parse(JSON.parse(text));
  if (expires && Date.parse(expires) < Date.now() + SPARE_MS) return undefined;
  const decoded = Buffer.from(auths[registry]?.auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  return { kind: "password", username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

async function keep(path: string, text: string | undefined): Promise<void> {
  if (text === undefined) return await rm(path, { force: true });
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
