/**
 * The login of the local registry. It is made here and kept as every other one (oci/access/logins.ts); the registry knows
 * its hash alone.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { hash } from "bcryptjs";
import type { Home } from "../../home.ts";
import { keepLogin } from "../../oci/access/logins.ts";
import { writeAtomically } from "../program/files.ts";

/** The one user of the local registry. */
const USER = "strata";
/** The least: it is compared at every request, and nobody guesses 256 bits. */
const ROUNDS = 4;

/** The file of the registry's users, in the form of htpasswd. */
export function usersFile(home: Home): string {
  return join(home.run, "registry.htpasswd");
}

/**
 * Makes the login of a registry that is about to start. Whoever had its port while it was down may have been told the
 * former one.
 */
export async function makeRegistryLogin(home: Home, address: string): Promise<void> {
  const password = randomBytes(32).toString("hex");
  await writeAtomically(usersFile(home), `${USER}:${await hash(password, ROUNDS)}\n`, 0o600);
  await keepLogin(home.logins, address, { address, username: USER, password });
}
