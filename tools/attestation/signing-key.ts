import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { signingKey } from "../../lib/attestation/bundle.ts";

/** The key that the component Attestation hands over, or the file that it names; undefined where nothing is signed. */
export async function signingKeyOf({
  STRATA_SIGN_KEY: key,
  STRATA_SIGN_FILE: file,
}: NodeJS.ProcessEnv): Promise<KeyObject | undefined> {
  if (key) return signingKey(key, "strata:sign.key");
  if (!file) return undefined;
  const pem = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError(file, `cannot be read (${error.code}).`, "strata:sign.file names the private key.");
  });
  return signingKey(pem, file);
}
