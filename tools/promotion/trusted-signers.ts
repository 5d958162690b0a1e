import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { type TrustMaterial, toTrustMaterial } from "@sigstore/verify";
import { UserError } from "../../errors.ts";
import { cache } from "../../home.ts";
import type { TrustedSigners } from "../../lib/attestation/sigstore-bundle.ts";
import { type TrustSetting, trustedKeys } from "../../lib/attestation/trust-setting.ts";

/** Whom `strata:trust` names, with the authorities by which identities are told. */
export async function trustedSigners(trust: Omit<TrustSetting, "predicates">): Promise<TrustedSigners> {
  const { identities, root } = trust;
  const keys = trustedKeys(trust);
  return identities.length === 0 ? { keys } : { keys, identities, root: await trustedRoot(root) };
}

/** @param file as `cosign trusted-root create` writes it; without it the public Sigstore's, fetched and kept as TUF has it */
async function trustedRoot(file: string | undefined): Promise<TrustMaterial> {
  if (file === undefined) return await publicRoot();
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError(file, `cannot be read (${error.code}).`, "strata:trust.root names a trusted root.");
  });
  try {
    return toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)));
  } catch {
    throw new UserError(
      file,
      "is no trusted root of a Sigstore.",
      "`cosign trusted-root create` makes one; without strata:trust.root the public one counts.",
    );
  }
}

async function publicRoot(): Promise<TrustMaterial> {
  // 40 modules, which no stack needs that trusts keys.
  const { getTrustedRoot } = await import("@sigstore/tuf");
  try {
    return toTrustMaterial(await getTrustedRoot({ cachePath: join(cache, "sigstore") }));
  } catch (error) {
    throw new UserError(
      "strata:trust.identities",
      `the public Sigstore's authorities cannot be fetched: ${(error as Error).message}`,
      "Open the way to tuf-repo-cdn.sigstore.dev, or name a file: strata:trust.root.",
    );
  }
}
