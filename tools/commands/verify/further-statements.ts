import type { TrustedSigners } from "../../../lib/attestation/sigstore-bundle.ts";
import { statedStages } from "../../../lib/attestation/slsa-provenance.ts";
import { predicateTypes } from "../../../lib/attestation/statement.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import { plain } from "../../../lib/preview/escape.ts";
import { reproductionLine, statedReproduction } from "../../../lib/reproduction/reproduction.ts";
import type { Transport } from "../../../oci/access/transport.ts";
import { imageExists } from "../../../oci/read/image.ts";
import { UNSAID } from "../../../oci/write/put.ts";
import { inRepository } from "../../promotion/evidence-store.ts";
import { plainStatements } from "../../promotion/plain-statements.ts";
import { type StoredStatements, storedStatements } from "../../promotion/stored-statements.ts";

const AT_ONCE = 8;

/** What else lies beside a product and its stages, a line each: no tag hangs on it. */
export async function furtherStatements(
  reference: string,
  { verified }: StoredStatements,
  signers: TrustedSigners,
  transport: Transport,
): Promise<string[]> {
  const unsigned = await plainStatements(reference, transport);
  const signed = verified.map(({ statement }) => statement);
  const told = (word: string, statements: typeof signed) =>
    statements.flatMap((statement) => {
      const found = statedReproduction(statement);
      if (!found) return [];
      return [
        `${word.padEnd(8)} reproduced ${reproductionLine(found.stages)}; by ${plain(found.builder.id)}`,
      ];
    });
  const provenance = [...unsigned, ...signed].findLast(
    ({ predicateType }) => predicateType === predicateTypes.provenance,
  );
  const stages = (provenance && statedStages(provenance)?.stages) ?? new Map();
  return [
    ...told("signed", signed),
    ...told("unsigned", unsigned),
    ...(await stageLines(reference, [...stages.values()], signers, transport)),
  ];
}

/** How many stages have BuildKit's own provenance beside them. */
async function stageLines(
  reference: string,
  stages: readonly { readonly digest: string | undefined }[],
  signers: TrustedSigners,
  transport: Transport,
): Promise<string[]> {
  if (stages.length === 0) return [];
  const found = await inParallel(AT_ONCE, stages, async ({ digest }) => {
    const stage = digest && inRepository(reference, digest);
    // A copy in another registry has the product's layers, and not its stages.
    if (!stage || !(await imageExists(stage, transport, UNSAID))) return [];
    const isOne = ({ predicateType }: { predicateType: string }) =>
      predicateType === predicateTypes.provenance;
    const { verified } = await storedStatements(stage, signers, transport);
    if (verified.some(({ statement }) => isOne(statement))) return ["signed"];
    return (await plainStatements(stage, transport)).some(isOne) ? ["unsigned"] : [];
  });
  const all = found.flat();
  const signed = all.filter((word) => word === "signed").length;
  return [
    `${(all.length === 0 ? "absent" : signed === all.length ? "signed" : "unsigned").padEnd(8)} stages     BuildKit's own provenance of ${all.length} of ${stages.length}${signed > 0 && signed < all.length ? `, ${signed} signed` : ""}`,
  ];
}
