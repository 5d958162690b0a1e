import { generateKeyPairSync } from "node:crypto";

/** A new pair of keys as strata:sign and strata:trust take them. */
export function signingPair(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}
