import { createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { parse } from "yaml";
import { UserError } from "../../errors.ts";

/** What a stack's secrets are encrypted with; undefined where it has none, as its secrets lie with somebody else. */
export function saltIn(stackYaml: string): string | undefined {
  const { encryptionsalt } = (parse(stackYaml) ?? {}) as { encryptionsalt?: unknown };
  return typeof encryptionsalt === "string" ? encryptionsalt : undefined;
}

/**
 * Throws for secrets under the empty passphrase, which everybody knows. Without a secret nothing is asked, as it takes half a
 * second.
 *
 * @param secret what of the stack is encrypted, for the error
 */
export async function refuseEmptyPassphrase(
  stack: string,
  stackYaml: string,
  secret: readonly string[],
): Promise<void> {
  if (secret.length === 0) return;
  const salt = saltIn(stackYaml);
  if (salt === undefined || !(await opensSalt(salt, ""))) return;
  throw new UserError(
    `stack ${stack}`,
    `${secret.join(", ")}: encrypted with the empty passphrase, so whoever has Pulumi.${stack}.yaml can read it.`,
    "Change what it opens, and give the stack a passphrase or key first: pulumi stack change-secrets-provider",
  );
}

/** Of Pulumi's passphrase manager: rounds of PBKDF2, bytes of the key and of what proves a text genuine. */
const ROUNDS = 1_000_000;
const KEY_BYTES = 32;
const TAG_BYTES = 16;

/**
 * Whether a passphrase is the one that `encryptionsalt` was made with: it holds the salt of the key, and a word that
 * was encrypted with it. What is no salt of this form is left to Pulumi.
 */
export async function opensSalt(encryptionSalt: string, passphrase: string): Promise<boolean> {
  const parts = /^v1:([^:]+):v1:([^:]+):([^:]+)$/.exec(encryptionSalt)?.slice(1);
  if (!parts) return true;
  const [salt, nonce, box] = parts.map((part) => Buffer.from(part, "base64"));
  if (!salt || !nonce || !box) return true;
  const key = await promisify(pbkdf2)(passphrase, salt, ROUNDS, KEY_BYTES, "sha256");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(box.subarray(-TAG_BYTES));
    decipher.update(box.subarray(0, -TAG_BYTES));
    decipher.final();
    return true;
  } catch {
    return false;
  }
}
