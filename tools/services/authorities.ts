import { createHash } from "node:crypto";
import type { Home } from "../../home.ts";
import { authorityFile, keptAuthorities } from "../../oci/access/logins.ts";

export interface Authority {
  /** Host with its port. */
  readonly registry: string;
  /** A PEM file. */
  readonly file: string;
  /** Of its content: another one restarts the builder. */
  readonly sha256: string;
}

/** The authorities that stacks of this clone have told of. */
export async function readAuthorities(home: Home): Promise<Authority[]> {
  return (await keptAuthorities(home.logins)).map(({ registry, pem }) => ({
    registry,
    file: authorityFile(home.logins, registry),
    sha256: createHash("sha256").update(pem).digest("hex"),
  }));
}
