import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { readSettings } from "../../lib/plan/stack-file.ts";
import { opensSalt, refuseEmptyPassphrase, saltIn } from "../../lib/plan/stack-salt.ts";
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
  await refuseEmptyPassphrase(name, stackYaml, secret);
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
