import type { Home } from "../../home.ts";
import { type BuilderFacts, provenance } from "../../lib/attestation/slsa-provenance.ts";
import { predicateTypes, type Statement, statementAbout } from "../../lib/attestation/statement.ts";
import { testResult } from "../../lib/attestation/test-result.ts";
import type { Bill } from "../../lib/bill/component.ts";
import { type SpdxDocument, spdxDocument } from "../../lib/bill/spdx-document.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { digestOfEvidence } from "../promotion/evidence-store.ts";
import { readStageContents } from "./read-stage-contents.ts";

/** A product as it was built. */
export interface BuiltProduct {
  /** `repository@sha256:…` */
  readonly reference: string;
  /** `repository@sha256:…` by name. */
  readonly stages: Readonly<Record<string, string>>;
  readonly bill: Bill;
}

/** The bill of materials of a product: what its plan knows, and what the files of its stages say. */
export async function describeContents(
  home: Pick<Home, "documents">,
  { reference, stages, bill }: BuiltProduct,
  transport: Transport,
): Promise<SpdxDocument> {
  const telling = new Set(
    bill.components.filter(({ kind }) => kind !== "file" && kind !== "own").map(({ stage }) => stage),
  );
  const [inProduct, inBuilds] = [
    bill.stages.filter(
      ({ name, role, bulk }) =>
        bill.inProduct.includes(name) && !bulk && (role === "system" || telling.has(name)),
    ),
    // What is installed into the base for builds: compilers, linkers.
    bill.stages.filter(({ role, parents, onBase }) => role === "build" && (parents.length === 0 || onBase)),
  ].map((wanted) => wanted.flatMap(({ name }) => stages[name] ?? []));
  const contents = await readStageContents(inProduct ?? [], home.documents, transport);
  const tools = await readStageContents(inBuilds ?? [], home.documents, transport);
  return spdxDocument({ bill, digest: parseReference(reference).digest ?? "", contents, tools });
}

/** All that is stated of a product. */
export async function statementsAbout(
  { reference, stages, bill }: BuiltProduct,
  document: SpdxDocument,
  evidence: Evidence,
  builder: BuilderFacts,
  transport: Transport,
): Promise<Record<keyof typeof predicateTypes, Statement>> {
  const { digest = "" } = parseReference(reference);
  const digests = Object.fromEntries(
    Object.entries(stages).map(([name, stage]) => [name, parseReference(stage).digest ?? ""]),
  );
  return {
    sbom: statementAbout(bill.recipe, digest, predicateTypes.sbom, document),
    provenance: provenance(bill, digest, digests, builder),
    evidence: testResult(evidence, await digestOfEvidence(evidence, reference, transport)),
  };
}
