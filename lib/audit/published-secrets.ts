/** Secrets that are none, because a published package brings them to everybody. */

interface PublishedSecret {
  /** End of the path, whole folders: from `site-packages` on, so that a copy elsewhere is still found. */
  readonly path: string;
  /** The one kind that is known there; another kind in the same file is still found. */
  readonly kind: string;
  readonly reason: string;
}

/** The self-test's files that hold keys: found in pycryptodome's wheel with this audit, version 4.4.0. */
const pycryptodome = [
  "Cipher/test_pkcs1_15.py",
  "Protocol/test_ecdh.py",
  "PublicKey/test_import_DSA.py",
  "PublicKey/test_import_ECC.py",
  "PublicKey/test_import_RSA.py",
  "Signature/test_pkcs1_15.py",
  "Signature/test_pss.py",
];

const published: readonly PublishedSecret[] = [
  {
    path: "site-packages/transformers/testing_utils.py",
    kind: "Hugging Face token",
    reason: "transformers' token for the hub's test server, in its wheels 4.53.3 and 4.57.6",
  },
  ...pycryptodome.map((file) => ({
    path: `site-packages/Crypto/SelfTest/${file}`,
    kind: "private key",
    reason: "a test vector of pycryptodome's self-test",
  })),
];

/** Folders of tests in published Python packages; tornado ships a test key. */
const testFolder = /\/(site|dist)-packages\/(.+\/)?(tests?|testing)\//;

/**
 * Why a secret in a file is known to everybody; undefined for what has to be taken for a real one.
 *
 * @param path without a leading slash
 * @param kind as `secretsInFile` calls it
 */
export function publishedSecret(path: string, kind: string): string | undefined {
  if (testFolder.test(`/${path}`)) return "test data of a published package";
  return published.find((entry) => entry.kind === kind && `/${path}`.endsWith(`/${entry.path}`))?.reason;
}
