import { createHash } from "node:crypto";

/** What a host has to prove itself with: whole public keys, or their SHA-256 as `ssh-keygen -l` prints it. */
export interface HostKeys {
  /** Key types that the host may be asked for, `ssh-ed25519`; none where only fingerprints are given. */
  readonly types: readonly string[];
  readonly accepts: (key: Buffer) => boolean;
  /** Keys that are known to be in other hands. */
  readonly revokes: (key: Buffer) => boolean;
}

const KEY = /(?:^|\s)((?:ssh|ecdsa|sk)-[a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/]+={0,2})/gm;
const FINGERPRINT = /SHA256:([A-Za-z0-9+/]{43})=?/g;

/**
 * Reads lines of known_hosts or of `ssh-keyscan`, with or without a host's name in front, or fingerprints; undefined
 * where there is none in `text`. A line's mark is kept: `@revoked` refuses what is on it, and the key of a
 * `@cert-authority` is no host's own (man sshd, SSH_KNOWN_HOSTS FILE FORMAT).
 */
export function parseHostKeys(text: string): HostKeys | undefined {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line));
  const marked = Map.groupBy(lines, (line) => /^\s*@(\S+)/.exec(line)?.[1] ?? "own");
  const own = readKeys(marked.get("own") ?? []);
  const revoked = readKeys(marked.get("revoked") ?? []);
  if (own.keys.length === 0 && own.fingerprints.length === 0) return undefined;
  return {
    types: own.fingerprints.length > 0 ? [] : [...new Set(own.keys.map(({ type }) => type))],
    accepts: (given) => isAmong(own, given) && !isAmong(revoked, given),
    revokes: (given) => isAmong(revoked, given),
  };
}

interface KeyList {
  readonly keys: readonly { readonly type: string; readonly key: string }[];
  readonly fingerprints: readonly string[];
}

function readKeys(lines: readonly string[]): KeyList {
  const text = lines.join("\n");
  return {
    keys: [...text.matchAll(KEY)].map(([, type = "", key = ""]) => ({ type, key: strip(key) })),
    fingerprints: [...text.matchAll(FINGERPRINT)].map(([, hash = ""]) => hash),
  };
}

function isAmong({ keys, fingerprints }: KeyList, given: Buffer): boolean {
  const givenKey = strip(given.toString("base64"));
  const hash = strip(createHash("sha256").update(given).digest("base64"));
  return keys.some(({ key }) => key === givenKey) || fingerprints.includes(hash);
}

function strip(base64: string): string {
  return base64.replace(/=+$/, "");
}
