/** Certificate authorities of single registries, trusted by this process from the first request on. */
import { existsSync, readFileSync } from "node:fs";
import * as tls from "node:tls";
import { UserError } from "../../errors.ts";
import { authorityFile } from "./logins.ts";

const trusted = new Set<string>();

/** Whether a registry has authorities of its own; they are trusted from now on. */
export function trustedAuthority(logins: string, registry: string): boolean {
  const file = authorityFile(logins, registry);
  if (!existsSync(file)) return false;
  const pem = readFileSync(file, "utf8");
  if (trusted.has(pem)) return true;
  // Node has it since 22.19 and 24.5, and this is the only thing that needs it.
  if (!tls.setDefaultCACertificates) {
    throw new UserError(
      `registry ${registry}`,
      `has a certificate authority of its own, and Node ${process.version} cannot be told of it.`,
      "Use Node 22.19 or newer, or set NODE_EXTRA_CA_CERTS to its file.",
    );
  }
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), pem]);
  trusted.add(pem);
  return true;
}
