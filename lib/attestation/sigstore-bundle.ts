import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { bundleFromJSON, bundleToJSON, toDSSEBundle } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { toSignedEntity, Verifier } from "@sigstore/verify";
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

/** A statement in a signed envelope, as a bundle that needs no log and no network. */
export function signedBundle(statement: Statement, key: KeyObject): string {
  const artifact = Buffer.from(canonicalJson(statement));
  const signature = sign("sha256", dsse.preAuthEncoding(IN_TOTO_TYPE, artifact), key);
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

/**
 * Reads a bundle that one of `keys` has signed.
 *
 * @throws UserError for what is no bundle of a statement, and for signatures of others.
 */
export function verifiedStatement(text: string, keys: readonly KeyObject[], path: string): Statement {
  const remedy = "Somebody else attached it, it was changed, or the key that strata:trust names is another.";
  let bundle: ReturnType<typeof bundleFromJSON>;
  try {
    bundle = bundleFromJSON(JSON.parse(text));
  } catch {
    throw new UserError(path, "is no Sigstore bundle.", remedy);
  }
  const { content } = bundle;
  if (content.$case !== "dsseEnvelope" || content.dsseEnvelope.payloadType !== IN_TOTO_TYPE)
    throw new UserError(path, "holds no in-toto statement.", remedy);
  if (!keys.some((key) => isSignedBy(bundle, key)))
    throw new UserError(path, "is not signed by a trusted key.", remedy);
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
