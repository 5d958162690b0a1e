import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { bundleFromJSON, bundleToJSON, toDSSEBundle } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { type TrustMaterial, toSignedEntity, Verifier } from "@sigstore/verify";
import { UserError } from "../../errors.ts";
import { canonicalJson } from "../canonical-json.ts";
import { IN_TOTO_TYPE, parseStatement, type Statement } from "./statement.ts";

/** Sigstore's bundle of any version begins so; strata writes 0.3. */
export const BUNDLE_TYPES = "application/vnd.dev.sigstore.bundle";
export const BUNDLE_TYPE = `${BUNDLE_TYPES}.v0.3+json`;

const keyRemedy =
  "Make one: openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt -out strata.key; openssl pkey -in strata.key -pubout prints its public key.";

/** A key that signs: ECDSA on P-256, which every verifier of Sigstore knows. @param path for errors */
export function signingKey(pem: string, path: string): KeyObject {
  return checked(
    () => createPrivateKey(pem),
    path,
    "is no private key in PEM (PKCS#8) without a passphrase.",
  );
}

/** @param path for errors */
export function verifyingKey(pem: string, path: string): KeyObject {
  // Node makes a public key of a private one, too; that one has to be kept.
  if (pem.includes("PRIVATE KEY"))
    throw new UserError(path, "is a private key, and a public one is wanted.", keyRemedy);
  return checked(() => createPublicKey(pem), path, "is no public key in PEM.");
}

function checked(read: () => KeyObject, path: string, problem: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new UserError(path, problem, keyRemedy);
  }
  if (key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  throw new UserError(path, "is not a key on the curve P-256.", keyRemedy);
}

/** What a key is called: the hash of its public half, base64, as cosign has it in its bundles. */
export function keyName(key: KeyObject): string {
  const der = (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("base64");
}

/** What a key signs of a statement. */
export function signedBytes(statement: Statement): Buffer {
  return dsse.preAuthEncoding(IN_TOTO_TYPE, Buffer.from(canonicalJson(statement)));
}

/** A statement in a signed envelope, as a bundle that needs no log and no network. */
export function signedBundle(statement: Statement, key: KeyObject): string {
  return bundleBy(statement, key, sign("sha256", signedBytes(statement), key));
}

/** The same with a signature that was made elsewhere. @param key private or public */
export function bundleBy(statement: Statement, key: KeyObject, signature: Buffer): string {
  const artifact = Buffer.from(canonicalJson(statement));
  // With a key's name in `keyid` cosign 3 finds no signature: it compares it with a hash of its own.
  const bundle = toDSSEBundle({ artifact, artifactType: IN_TOTO_TYPE, signature });
  const named = {
    ...bundle,
    verificationMaterial: {
      ...bundle.verificationMaterial,
      content: { $case: "publicKey" as const, publicKey: { hint: keyName(key) } },
    },
  };
  return canonicalJson(bundleToJSON(named));
}

/** Who signs without a key of their own: a workflow, a person. */
export interface SignerIdentity {
  /** As the certificate names it, `https://github.com/acme/strata/.github/workflows/…`; `*` stands for any characters. */
  readonly identity: string;
  /** Who knows them, `https://token.actions.githubusercontent.com`. */
  readonly issuer: string;
}

/** Whose signatures count. */
export interface TrustedSigners {
  readonly keys: readonly KeyObject[];
  readonly identities?: readonly SignerIdentity[];
  /** Authorities and logs by which identities are told. */
  readonly root?: TrustMaterial | undefined;
}

/**
 * Reads a bundle that one of `signers` has signed.
 *
 * @throws UserError for what is no bundle of a statement, and for signatures of others.
 */
export function verifiedStatement(text: string, signers: TrustedSigners, path: string): Statement {
  const remedy = "Somebody else attached it, it was changed, or whom strata:trust names is another.";
  let bundle: ReturnType<typeof bundleFromJSON>;
  try {
    bundle = bundleFromJSON(JSON.parse(text));
  } catch {
    throw new UserError(path, "is no Sigstore bundle.", remedy);
  }
  const { content } = bundle;
  if (content.$case !== "dsseEnvelope" || content.dsseEnvelope.payloadType !== IN_TOTO_TYPE)
    throw new UserError(path, "holds no in-toto statement.", remedy);
  const { keys, identities = [], root } = signers;
  const isTrusted =
    keys.some((key) => isSignedBy(bundle, key)) ||
    (root !== undefined && identities.some((identity) => isSignedAs(bundle, identity, root)));
  if (!isTrusted) {
    const by = identities.length > 0 ? "key or identity" : "key";
    throw new UserError(path, `is not signed by a trusted ${by}.`, remedy);
  }
  return parseStatement(content.dsseEnvelope.payload.toString("utf8"), path);
}

/** By the key alone: no log, no certificates, no time. */
function isSignedBy(bundle: ReturnType<typeof bundleFromJSON>, publicKey: KeyObject): boolean {
  const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const verifier = new Verifier(
    { ...none, publicKey: () => ({ publicKey, validFor: () => true }) },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  );
  try {
    // A certificate would name another key than ours.
    if (bundle.verificationMaterial.content?.$case !== "publicKey") return false;
    verifier.verify(toSignedEntity(bundle));
    return true;
  } catch {
    return false;
  }
}

/** By a certificate of that identity, which a log has seen in its time. */
function isSignedAs(
  bundle: ReturnType<typeof bundleFromJSON>,
  { identity, issuer }: SignerIdentity,
  root: TrustMaterial,
): boolean {
  try {
    // A key is trusted by itself or not at all.
    if (bundle.verificationMaterial.content?.$case === "publicKey") return false;
    new Verifier(root).verify(toSignedEntity(bundle), {
      subjectAlternativeName: namePattern(identity),
      extensions: { issuer },
    });
    return true;
  } catch {
    return false;
  }
}

/** A name as a regular expression for all of it; `*` stands for any characters. */
export function namePattern(identity: string): string {
  const parts = identity.split("*").map((part) => part.replace(/[\\^$.+?()[\]{}|/-]/g, "\\$&"));
  return `^${parts.join(".*")}$`;
}
