import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { type Home, projectFolder } from "../../home.ts";
import type { Signer } from "../../lib/attestation/signer.ts";
import type { SignSetting } from "../../lib/attestation/trust-setting.ts";
import { type Reproduction, reproductionStatement } from "../../lib/reproduction/reproduction.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { attachDocument, attachSigned, unsigned } from "../attestation/attach.ts";
import { signerOf } from "../attestation/signer-of.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import { run } from "../program/exec.ts";
import { ensureTools, neededTools } from "../toolchain/toolchain.ts";

/** Whose keys sign. */
export interface Signing {
  readonly home: Home;
  readonly stack: string;
  readonly config: Pick<Config, "sign" | "trust">;
}

/**
 * Attaches what came out to the product, signed where the stack signs.
 *
 * @returns why it is not there, for who may read and not write; undefined where it is
 */
export async function attachReproduction(
  reference: string,
  found: Reproduction,
  signing: Signing,
  transport: Transport,
): Promise<string | undefined> {
  const statement = reproductionStatement(found, parseReference(reference).digest ?? "");
  const signer = await signerOfStack(signing);
  try {
    await attachDocument(reference, unsigned(statement), transport);
    if (signer) await attachSigned(reference, statement, signer, transport);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return `${error.path}: ${error.problem}`;
    throw error;
  }
}

async function signerOfStack({ home, stack, config: { sign, trust } }: Signing): Promise<Signer | undefined> {
  if (!sign) return undefined;
  return await signerOf("key" in sign ? await decrypted(home, stack) : sign, trust);
}

/** A key that is a secret of the stack is read as a placeholder without Pulumi. */
async function decrypted(home: Home, stack: string): Promise<SignSetting> {
  const { pulumi } = await ensureTools(home, neededTools.docker, true);
  const words = ["config", "get", "--path", "strata:sign.key", "--stack", stack];
  const key = await run(pulumi?.path ?? "pulumi", words, {
    cwd: projectFolder,
    env: pulumiEnvironment(home),
  });
  return { kind: "key", key };
}
