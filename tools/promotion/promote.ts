import { UserError } from "../../errors.ts";
import { type TrustSetting, trustSetting } from "../../lib/attestation/trust-setting.ts";
import type { EvidenceTerms } from "../../lib/evidence/evidence-terms.ts";
import type { Transport } from "../../oci/access/transport.ts";
import type { Sessions } from "../../oci/write/upload.ts";
import { required } from "../program/environment.ts";
import { note } from "../program/progress.ts";
import { acceptEvidence } from "./accepted-evidence.ts";
import { type CopyTarget, copyProduct } from "./copy-product.ts";
import { inRepository } from "./evidence-store.ts";
import { keepDigest } from "./keep-digest.ts";
import { moveTag } from "./move-tag.ts";
import { verifyStatements } from "./verify-statements.ts";

/** What the components Promotion and ProductCopy ask for. */
export interface PromotionRequest {
  /** The product, `repository@sha256:…`. */
  readonly reference: string;
  readonly tags: readonly string[];
  readonly terms: Omit<EvidenceTerms, "digest" | "now">;
  /** What has to be signed. @default nothing */
  readonly trust?: TrustSetting | undefined;
}

/** A copy that is made before tags are moved there. */
export interface Copy {
  readonly target: CopyTarget;
  /** The image of models that belongs to the product, and its working tag. */
  readonly library?: { readonly reference: string; readonly tag: string } | undefined;
  readonly sessions: Sessions;
}

/** The order in the variables that components/promotion.ts sets. */
export function promotionRequestFrom(environment: NodeJS.ProcessEnv = process.env): PromotionRequest {
  const host = required("STRATA_EVIDENCE_HOST", environment);
  if (host !== "any" && host !== "gpu") {
    throw new UserError("STRATA_EVIDENCE_HOST", `expected any or gpu, got "${host}".`, "");
  }
  return {
    reference: required("STRATA_REFERENCE", environment),
    // Empty is a stack that wants no tags.
    tags: environment.STRATA_TAGS === "" ? [] : required("STRATA_TAGS", environment).split(" "),
    terms: {
      checksKey: required("STRATA_CHECKS", environment),
      maxAgeDays: Number(required("STRATA_MAX_AGE_DAYS", environment)),
      host,
    },
    ...(environment.STRATA_TRUST ? { trust: trustSetting.parse(JSON.parse(environment.STRATA_TRUST)) } : {}),
  };
}

/**
 * Moves the tags to the product, where it lies or in a copy that is made first, if the evidence is one that moves tags.
 *
 * @param evidence as JSON
 * @param onTag hears of each tag that points there, as soon as it does
 */
export async function promote(
  { reference, tags, terms, trust }: PromotionRequest,
  evidence: string,
  transport: Transport,
  onTag: (name: string) => void,
  copy?: Copy,
): Promise<void> {
  const {
    digest,
    artifact,
    evidence: accepted,
  } = await acceptEvidence(reference, evidence, terms, transport);
  if (accepted.gpu === null && accepted.generation !== "cpu") {
    note(`evidence: by the ${accepted.host.kind}, which has no GPU; what needs one was not tested`);
  }
  const wanted = trust && { trust, evidence: artifact };
  if (wanted) await verifyStatements(reference, wanted, transport);
  const place = copy ? await makeCopy(reference, copy, trust, transport) : reference;
  // A registry may keep a list of its own of what is attached, and a tag there vouches for that.
  if (wanted && place !== reference) await verifyStatements(place, wanted, transport);
  // Evidence that another version stored has no tag yet.
  await keepDigest(place, transport);
  await keepDigest(inRepository(place, artifact), transport);
  const wish = { digest, at: new Date().toISOString(), kind: "promotion", evidence: artifact } as const;
  for (const tag of tags) {
    const { name, there } = await moveTag(place, tag, wish, transport);
    if (there) onTag(name);
  }
}

/**
 * The models first: a tag never points at a product whose library is not there yet. No test is about them alone; whose they are
 * is asked all the same.
 */
async function makeCopy(
  reference: string,
  { target, library, sessions }: Copy,
  trust: TrustSetting | undefined,
  transport: Transport,
): Promise<string> {
  if (library) {
    if (trust) await verifyStatements(library.reference, { trust }, transport);
    const place = { repository: target.repository, tag: library.tag };
    const copy = await copyProduct(library.reference, place, transport, sessions);
    if (trust) await verifyStatements(copy, { trust }, transport);
  }
  return await copyProduct(reference, target, transport, sessions);
}
