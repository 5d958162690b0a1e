import { createDecipheriv, pbkdf2 } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { UserError } from "../../errors.ts";
import { readSettings } from "../../lib/plan/stack-file.ts";
import { readOptional, type Stack } from "./stack.ts";

const VARIABLE = "PULUMI_CONFIG_PASSPHRASE";
const FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE";

/**
 * Throws where the passphrase that the user has exported is not that of the stack: Pulumi says no more than "incorrect
 * passphrase", and it may be another project's. Throws as well for secrets under the empty passphrase, which everybody
 * knows. Without a secret and a passphrase nothing is asked, as it takes half a second.
 */
export async function requirePassphrase(
  { name, folder }: Pick<Stack, "name" | "folder">,
  current: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const file = `Pulumi.${name}.yaml`;
  const stackYaml = await readOptional(join(folder, file));
  const salt = saltIn(stackYaml);
  const { secret } = readSettings(stackYaml, "", file);
  if (salt !== undefined && secret.length > 0 && (await opensSalt(salt, ""))) {
    throw new UserError(
      `stack ${name}`,
      `${secret.join(", ")}: encrypted with the empty passphrase, so whoever has ${file} can read it.`,
      "Change what it opens, and give the stack a passphrase or key first: pulumi stack change-secrets-provider",
    );
  }
  const given = givenPassphrase(current);
  if (given === undefined) return;
  if (salt === undefined || (await opensSalt(salt, given.passphrase))) return;
  const [made, remedy] = (await opensSalt(salt, ""))
    ? ["the empty passphrase", `Is it for another project? Without it: unset ${given.variable}`]
    : ["another passphrase", "Export that one."];
  // A colon after the variable would look like a secret to whoever takes secrets out of texts.
  throw new UserError(
    `stack ${name}`,
    `does not open with what ${given.variable} holds; ${file} was made with ${made}.`,
    remedy,
  );
}

/** What to do about Pulumi's own words; undefined where they are about something else. */
export function passphraseRemedy(said: string, stack: string): string | undefined {
  if (!/incorrect passphrase|passphrase must be set/.test(said)) return undefined;
  return `Set ${VARIABLE} or ${FILE_VARIABLE} to the passphrase that Pulumi.${stack}.yaml was made with.`;
}

/** What Pulumi would take, and from which variable: the passphrase itself comes before its file. */
function givenPassphrase(current: NodeJS.ProcessEnv): { variable: string; passphrase: string } | undefined {
  const { [VARIABLE]: passphrase, [FILE_VARIABLE]: file } = current;
  if (passphrase !== undefined) return passphrase === "" ? undefined : { variable: VARIABLE, passphrase };
  if (!file) return undefined;
  try {
    return { variable: FILE_VARIABLE, passphrase: readFileSync(file, "utf8").trim() };
  } catch {
    throw new UserError(FILE_VARIABLE, `names ${file}, which cannot be read.`, "Mend the path, or unset it.");
  }
}

/** undefined where the stack has none, as its secrets lie with somebody else. */
function saltIn(stackYaml: string): string | undefined {
  const { encryptionsalt } = (parse(stackYaml) ?? {}) as { encryptionsalt?: unknown };
  return typeof encryptionsalt === "string" ? encryptionsalt : undefined;
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
