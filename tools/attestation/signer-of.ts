import { readFile } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { keySigner, type Signer } from "../../lib/attestation/signer.ts";
import { signingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { type SignSetting, type TrustSetting, trustSetting } from "../../lib/attestation/trust-setting.ts";

/** What `strata:sign` says signs. @param trust by which signatures without a key are known again */
export async function signerOf(sign: SignSetting, trust?: TrustSetting): Promise<Signer> {
  switch (sign.kind) {
    case "key":
      return keySigner("key" in sign ? signingKey(sign.key, "strata:sign.key") : await keyIn(sign.file));
    // Every update comes by here; clients of services are loaded by those that sign with one.
    case "kms":
      return await (await import("./kms-signer.ts")).kmsSigner(sign.uri);
    case "keyless": {
      const [{ keylessSigner }, { trustedSigners }] = await Promise.all([
        import("./keyless-signer.ts"),
        import("../promotion/trusted-signers.ts"),
      ]);
      return await keylessSigner(sign, trust ? await trustedSigners(trust) : { keys: [] });
    }
  }
}

async function keyIn(file: string) {
  const pem = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError(file, `cannot be read (${error.code}).`, "strata:sign.file names the private key.");
  });
  return signingKey(pem, file);
}

/** The same as the component Attestation hands it over; undefined where nothing is signed. */
export async function givenSigner({
  STRATA_SIGN_KEY: key,
  STRATA_SIGN: sign,
  STRATA_TRUST: trust,
}: NodeJS.ProcessEnv): Promise<Signer | undefined> {
  if (key) return await signerOf({ kind: "key", key });
  if (!sign) return undefined;
  return await signerOf(JSON.parse(sign), trust ? trustSetting.parse(JSON.parse(trust)) : undefined);
}
