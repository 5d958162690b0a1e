import { home } from "../../home.ts";
import { dockerConfigFolder, findCredentials } from "../../oci/access/credentials.ts";
import { keptLogin } from "../../oci/access/logins.ts";
import { parseReference } from "../../oci/references.ts";

/** Where the password for the registry is: here, or where the machine finds it itself. */
export type HostLogin =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "ecr"; readonly region: string }
  | { readonly kind: "parameter"; readonly region: string; readonly name: string; readonly username: string };

/** What a machine needs to pull `reference`: the login that strata keeps for its registry, else Docker's. */
export async function loginFor(reference: string): Promise<HostLogin> {
  const { registry, repository } = parseReference(reference);
  const credentials =
    (await keptLogin(home.logins, registry)) ??
    (await findCredentials(registry, dockerConfigFolder(), repository));
  return credentials?.kind === "password" ? credentials : { kind: "none" };
}

/** What container.sh calls it; a password itself comes by stdin. */
export function loginWords(login: HostLogin): string[] {
  switch (login.kind) {
    case "none":
      return ["none"];
    case "password":
      return ["stdin", login.username];
    case "ecr":
      return [`ecr:${login.region}`, "AWS"];
    case "parameter":
      return [`parameter:${login.region}:${login.name}`, login.username];
  }
}
