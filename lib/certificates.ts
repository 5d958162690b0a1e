import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { UserError } from "../errors.ts";

/** Where distributions keep a machine's certificate authorities, and the public ones among them. */
const systemBundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const publicAuthorities = "/usr/share/ca-certificates/mozilla";

/**
 * Certificate authorities that builds trust beside the public ones, as PEM; undefined where there are none.
 *
 * @param setting a file, `none`, or `system` for those that were added to this machine, a company proxy's for instance
 */
export function readCertificates(setting: string): string | undefined {
  if (setting === "none") return undefined;
  if (setting !== "system") {
    if (existsSync(setting)) return readFileSync(setting, "utf8");
    throw new UserError(
      "strata:certificates",
      `there is no file ${setting}.`,
      'Give the path of a PEM bundle, "system" or "none".',
    );
  }
  const bundle = [process.env.SSL_CERT_FILE, ...systemBundles].find((path) => path && existsSync(path));
  if (!bundle) return undefined;
  const files = existsSync(publicAuthorities) ? readdirSync(publicAuthorities) : [];
  return additionalCertificates(readFileSync(bundle, "utf8"), [
    ...rootCertificates,
    ...files.map((file) => readFileSync(join(publicAuthorities, file), "utf8")),
  ]);
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM bundle that are not among `trusted`: what an administrator added to a machine whose
 * bundle also holds the public authorities. Usually none or one, so that little has to travel into each build.
 *
 * @returns PEM, or undefined when nothing is left
 */
export function additionalCertificates(bundle: string, trusted: readonly string[]): string | undefined {
  const seen = new Set(trusted.flatMap((pem) => pem.match(block) ?? []).map(body));
  const added = (bundle.match(block) ?? []).filter((pem) => !seen.has(body(pem)));
  return added.length > 0 ? `${added.join("\n")}\n` : undefined;
}

function body(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, "");
}
