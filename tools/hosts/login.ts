import { home } from "../../home.ts";
import { dockerConfigFolder, findCredentials } from "../../oci/access/credentials.ts";
import { keptLogin } from "../../oci/access/logins.ts";
import { parseReference } from "../../oci/references.ts";
import type { HostLogin } from "./container.ts";

/** What a machine needs to pull `reference`: the login that strata keeps for its registry, else Docker's. */
export async function loginFor(reference: string): Promise<HostLogin> {
  const { registry } = parseReference(reference);
  const found =
    (await keptLogin(home.logins, registry)) ?? (await findCredentials(registry, dockerConfigFolder()));
  return found?.kind === "password" ? found : { kind: "none" };
}
