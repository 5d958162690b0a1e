const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM bundle that are not among `known`: what an administrator added to a machine whose
 * bundle also holds the public authorities. Usually none or one, so that little has to travel into each build.
 *
 * @returns PEM, or undefined when nothing is left
 */
export function additionalCertificates(bundle: string, known: readonly string[]): string | undefined {
  const seen = new Set(known.flatMap((pem) => pem.match(block) ?? []).map(body));
  const added = (bundle.match(block) ?? []).filter((pem) => !seen.has(body(pem)));
  return added.length > 0 ? `${added.join("\n")}\n` : undefined;
}

function body(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, "");
}
