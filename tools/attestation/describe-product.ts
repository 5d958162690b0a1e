import type { Home } from "../../home.ts";
import { type BuilderFacts, provenance } from "../../lib/attestation/slsa-provenance.ts";
import { predicateTypes, type Statement, statementAbout } from "../../lib/attestation/statement.ts";
import { testResult } from "../../lib/attestation/test-result.ts";
import type { Bill } from "../../lib/bill/component.ts";
import { libraryBill } from "../../lib/bill/library-bill.ts";
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

/** What is stated of an image: its bill as a document of its own, which scanners look for, and as a statement as the others. */
export interface Stated {
  readonly document: SpdxDocument;
  readonly sbom: Statement;
  readonly others: readonly Statement[];
}

/** What is stated of the image of models that belongs to a product: no test is about it alone. */
export async function libraryStatements(
  { reference, stages, bill }: BuiltProduct,
  home: Pick<Home, "documents">,
  builder: BuilderFacts,
  transport: Transport,
): Promise<Stated> {
  const own = libraryBill(bill);
  if (!own) throw new Error(`the bill of ${bill.recipe} has no image of models`);
  const document = await describeContents(home, { reference, stages, bill: own }, transport);
  const { digest = "" } = parseReference(reference);
  return {
    document,
    sbom: statementAbout(own.recipe, digest, predicateTypes.sbom, document),
    others: [provenance(own, digest, digestsOf(stages), builder)],
  };
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
  return {
    sbom: statementAbout(bill.recipe, digest, predicateTypes.sbom, document),
    provenance: provenance(bill, digest, digestsOf(stages), builder),
    evidence: testResult(evidence, await digestOfEvidence(evidence, reference, transport)),
  };
}

function digestsOf(stages: BuiltProduct["stages"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stages).map(([name, stage]) => [name, parseReference(stage).digest ?? ""]),
  );
}
