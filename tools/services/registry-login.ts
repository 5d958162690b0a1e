/**
 * The login of the local registry. It is made here and kept as every other one (oci/access/logins.ts); the registry knows
 * its hash alone.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compare, hash } from "bcryptjs";
import type { Home } from "../../home.ts";
import { keepLogin, keptLogin } from "../../oci/access/logins.ts";
import { writeAtomically } from "../program/files.ts";

/** The one user of the local registry. */
export const REGISTRY_USER = "strata";
/** The least: it is compared at every request, and nobody guesses 256 bits. */
const ROUNDS = 4;

/** The file of the registry's users, in the form of htpasswd. */
export function usersFile(home: Home): string {
  return join(home.run, "registry.htpasswd");
}

/** Makes sure that there is a login, and that the file of users says the same. */
export async function ensureRegistryLogin(home: Home, address: string): Promise<string> {
  const kept = await keptLogin(home.logins, address);
  const known = kept?.kind === "password" && kept.username === REGISTRY_USER ? kept.password : undefined;
  const password = known ?? randomBytes(32).toString("hex");
  if (known === undefined)
    await keepLogin(home.logins, address, { address, username: REGISTRY_USER, password });
  const file = usersFile(home);
  const [user, stored = ""] = (await readFile(file, "utf8").catch(() => "")).trim().split(":");
  if (user !== REGISTRY_USER || !(await compare(password, stored)))
    await writeAtomically(file, `${REGISTRY_USER}:${await hash(password, ROUNDS)}\n`, 0o600);
  return password;
}
