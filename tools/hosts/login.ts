import { parseReference } from "../../lib/references.ts";
import { dockerConfigFolder, findCredentials } from "../../oci/credentials.ts";
import type { Login } from "./container.ts";

/** What a machine needs to pull `reference`: the login that this machine has for its registry. */
export async function loginFor(reference: string): Promise<Login> {
  const { registry } = parseReference(reference);
  const found = await findCredentials(registry, dockerConfigFolder());
  return found?.kind === "password" ? found : { kind: "none" };
}
