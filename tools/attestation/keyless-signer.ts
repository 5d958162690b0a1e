import { bundleToJSON } from "@sigstore/bundle";
import { UserError } from "../../errors.ts";
import type { Signer } from "../../lib/attestation/signer.ts";
import type { TrustedSigners } from "../../lib/attestation/sigstore-bundle.ts";
import { IN_TOTO_TYPE } from "../../lib/attestation/statement.ts";
import type { KeylessSetting } from "../../lib/attestation/trust-setting.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";

/** The audience for which Fulcio takes tokens. */
const AUDIENCE = "sigstore";

/**
 * Signs as whom the runner's identity provider knows this run: GitHub's, in a job with `id-token: write`. The key is made for
 * one signature; a certificate of Fulcio says whose it was, and Rekor when.
 *
 * @param own by whom earlier signatures are known again; without a trusted root none is, and each run signs anew
 */
export async function keylessSigner(
  { fulcio, rekor, timestamps }: Omit<KeylessSetting, "kind">,
  own: TrustedSigners,
): Promise<Signer> {
  // Sixty modules, which no stack needs that signs by a key.
  const { CIContextProvider, DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } = await import(
    "@sigstore/sign"
  );
  const identityProvider = new CIContextProvider(AUDIENCE);
  const builder = new DSSEBundleBuilder({
    signer: new FulcioSigner({ identityProvider, ...(fulcio && { fulcioBaseURL: fulcio }) }),
    witnesses: [
      new RekorWitness({ entryType: "dsse", ...(rekor && { rekorBaseURL: rekor }) }),
      ...(timestamps ? [new TSAWitness({ tsaBaseURL: timestamps })] : []),
    ],
  });
  return {
    own,
    sign: async (statement) => {
      const data = Buffer.from(canonicalJson(statement));
      try {
        return canonicalJson(bundleToJSON(await builder.create({ data, type: IN_TOTO_TYPE })));
      } catch (error) {
        throw refused(error as Error);
      }
    },
  };
}

function refused(error: Error): UserError {
  const { message, cause } = error;
  const code = "code" in error ? String(error.code) : "";
  return new UserError(
    "strata:sign",
    `nothing was signed: ${message}${cause instanceof Error ? `: ${cause.message}` : ""}.`,
    code.startsWith("IDENTITY")
      ? "Without a key it is signed in CI, in a job with `id-token: write`; elsewhere set strata:sign to a key."
      : "See that Fulcio and Rekor can be reached, and run the same command again.",
  );
}
