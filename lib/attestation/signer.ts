import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { bundleBy, signedBytes, type TrustedSigners } from "./sigstore-bundle.ts";
import type { Statement } from "./statement.ts";

/** What signs, wherever its key is. */
export interface Signer {
  /** By which its own signatures are known again: what it has signed already is not signed anew. */
  readonly own: TrustedSigners;
  /** @returns a bundle */
  readonly sign: (statement: Statement) => Promise<string>;
}

/** A key at hand. */
export function keySigner(key: KeyObject): Signer {
  return remoteSigner(createPublicKey(key), async (bytes) => sign("sha256", bytes, key));
}

/** A key that signs elsewhere. @param key its public half @param signature of bytes, ECDSA with SHA-256, DER */
export function remoteSigner(key: KeyObject, signature: (bytes: Buffer) => Promise<Buffer>): Signer {
  return {
    own: { keys: [key] },
    sign: async (statement) => bundleBy(statement, key, await signature(signedBytes(statement))),
  };
}
