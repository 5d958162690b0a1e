import { createHash } from "node:crypto";

/** What a host has to prove itself with: whole public keys, or their SHA-256 as `ssh-keygen -l` prints it. */
export interface HostKeys {
  /** Key types that the host may be asked for, `ssh-ed25519`; none where only fingerprints are given. */
  readonly types: readonly string[];
  readonly accepts: (key: Buffer) => boolean;
}

const KEY = /(?:^|\s)((?:ssh|ecdsa|sk)-[a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/]+={0,2})/gm;
const FINGERPRINT = /SHA256:([A-Za-z0-9+/]{43})=?/g;

/**
 * Reads lines of known_hosts or of `ssh-keyscan`, with or without a host's name in front, or fingerprints; undefined
 * where there is none in `text`.
 */
export function parseHostKeys(text: string): HostKeys | undefined {
  const keys = [...text.matchAll(KEY)].map(([, type = "", key = ""]) => ({ type, key: strip(key) }));
  const fingerprints = [...text.matchAll(FINGERPRINT)].map(([, hash = ""]) => hash);
  if (keys.length === 0 && fingerprints.length === 0) return undefined;
  return {
    types: fingerprints.length > 0 ? [] : [...new Set(keys.map(({ type }) => type))],
    accepts: (given) => {
      const givenKey = strip(given.toString("base64"));
      const hash = strip(createHash("sha256").update(given).digest("base64"));
      return keys.some(({ key }) => key === givenKey) || fingerprints.includes(hash);
    },
  };
}

function strip(base64: string): string {
  return base64.replace(/=+$/, "");
}
