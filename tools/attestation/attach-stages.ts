import type { Home } from "../../home.ts";
import type { Signer } from "../../lib/attestation/signer.ts";
import type { BuilderFacts } from "../../lib/attestation/slsa-provenance.ts";
import { stageProvenance } from "../../lib/attestation/stage-provenance.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { buildctlsOf, documentOf, provenanceDigests } from "../builder/build-records.ts";
import { storedProvenance } from "../promotion/plain-statements.ts";
import { attachDocuments, signedStatements, unsigned } from "./attach.ts";

/** Each stage has a list of its own of what is attached. */
const AT_ONCE = 4;

/**
 * Attaches to each stage what BuildKit has written down of its build, where its builder still knows it and nobody has
 * attached it before: a stage that comes out equal on another builder keeps the provenance of its first build.
 *
 * @param stages `repository@sha256:…` by name
 * @returns how many have one now
 */
export async function attachStageProvenance(
  home: Home,
  stages: Readonly<Record<string, string>>,
  builder: BuilderFacts,
  transport: Transport,
  signer?: Signer,
): Promise<number> {
  const known = await Promise.all(
    (await buildctlsOf(home)).map(async (buildctl) => ({
      buildctl,
      digests: await provenanceDigests(buildctl),
    })),
  );
  const found = await inParallel(AT_ONCE, Object.entries(stages), async ([name, reference]) => {
    const { digest = "" } = parseReference(reference);
    if (await storedProvenance(reference, transport)) return true;
    const builtOn = known.find(({ digests }) => digests.has(digest));
    const place = builtOn?.digests.get(digest);
    // What the builder has thrown away meanwhile is no reason to fail an update.
    const written = builtOn && place && (await documentOf(builtOn.buildctl, place).catch(() => undefined));
    const statement = stageProvenance(name, digest, written, builder);
    if (!statement) return false;
    // Signed first: where that fails, the next run finds nothing there and tries again.
    const signed = signer ? await signedStatements(reference, [statement], signer, transport) : [];
    await attachDocuments(reference, [...signed, unsigned(statement)], transport);
    return true;
  });
  return found.filter(Boolean).length;
}
