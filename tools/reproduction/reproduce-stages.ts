import { UserError } from "../../errors.ts";
import { builderId } from "../../lib/attestation/slsa-provenance.ts";
import { buildVersions } from "../../lib/attestation/stage-provenance.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { knownReason } from "../../lib/reproduction/known-reasons.ts";
import {
  type Reproduction,
  type StageDifference,
  type StageReproduction,
  verdictOf,
} from "../../lib/reproduction/reproduction.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { buildctlOf, documentOf, provenanceDigests } from "../builder/build-records.ts";
import { builderVersions } from "../builder/builder.ts";
import { withProgress } from "../program/progress.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import { storedProvenance } from "../promotion/plain-statements.ts";
import type { Buildctl } from "../services/build-histories.ts";
import { builtImage, compareImages, publishedImage } from "./compare-images.ts";
import { rebuildStage } from "./rebuild-stage.ts";
import type { SpareBuilder } from "./spare-builder.ts";

/** What is to be built again. */
export interface Wanted {
  readonly plan: Plan;
  /** Reference of the base image. */
  readonly base: string;
  /** `host[:port]/path` of the stages. */
  readonly repository: string;
  /** What was published: key and digest of each stage. */
  readonly published: ReadonlyMap<string, { readonly key: string; readonly digest: string | undefined }>;
  /** Which stages. */
  readonly isWanted: (stage: Stage) => boolean;
  readonly certificates: string | undefined;
}

/** Builds stages one after the other, each from what its parents were published as, and compares. */
export async function reproduceStages(
  builder: SpareBuilder,
  wanted: Wanted,
  transport: Transport,
): Promise<Reproduction> {
  const stages: StageReproduction[] = [];
  const versions = await builderVersions(builder.home, "strata");
  for (const stage of wanted.plan.stages.filter(wanted.isWanted)) {
    const started = Date.now();
    const result = await withProgress(`Building ${stage.name} again`, (say) =>
      reproduceStage(builder, wanted, stage, versions, transport, say),
    );
    const seconds = Math.round((Date.now() - started) / 1_000);
    stages.push({ name: stage.name, key: stage.key, ...result, seconds });
  }
  const id = builderId(process.env, "strata-reproduction");
  return { recipe: wanted.plan.recipe, stages, varied: builder.varied, builder: { id, versions } };
}

type Finding = Omit<StageReproduction, "name" | "key" | "seconds">;

async function reproduceStage(
  builder: SpareBuilder,
  wanted: Wanted,
  stage: Stage,
  own: Readonly<Record<string, string>>,
  transport: Transport,
  say: (text: string) => void,
): Promise<Finding> {
  const published = wanted.published.get(stage.name)?.digest ?? null;
  const none = { published, rebuilt: null, difference: null };
  const left = whyLeft(wanted, stage);
  if (left !== undefined || published === null) return { ...none, verdict: "left", reason: left ?? null };
  const { plan: _, certificates } = wanted;
  let rebuilt: string;
  try {
    const images = namedImages(wanted, stage);
    rebuilt = await rebuildStage(builder, { stage, images, certificates }, (line) => say(line.slice(0, 80)));
  } catch (error) {
    if (!(error instanceof UserError) || builder.signal.aborted) throw error;
    return { ...none, verdict: "failed", reason: error.problem };
  }
  if (rebuilt === published) return { ...none, rebuilt, verdict: "equal", reason: null };
  say("comparing");
  const reference = inRepository(wanted.repository, published);
  const difference = await differenceOf(builder, reference, rebuilt, own, transport);
  const verdict = verdictOf(difference);
  return { published, rebuilt, verdict, reason: knownReason(difference) ?? null, difference };
}

/** undefined where a stage can be built again. */
function whyLeft({ published }: Wanted, stage: Stage): string | undefined {
  if (stage.bulk) return "its bytes are those of the hashes in the lock";
  for (const name of [stage.name, ...stage.parents]) {
    const whose = name === stage.name ? "it" : `its parent ${name}`;
    const found = published.get(name);
    if (!found?.digest) return `${whose} is not published`;
    if (name === stage.name && found.key !== stage.key)
      return "it was made from other inputs than these: check its revision out";
  }
  return undefined;
}

/** A stage is built from its parents as they were published: what differs in one does not follow into the next. */
function namedImages(
  { published, repository, base }: Wanted,
  { parents, onBase }: Stage,
): Record<string, string> {
  const built = parents.map((name) => [name, inRepository(repository, published.get(name)?.digest ?? "")]);
  return { ...(parents.length === 0 || onBase ? { base } : {}), ...Object.fromEntries(built) };
}

async function differenceOf(
  { home }: SpareBuilder,
  reference: string,
  rebuilt: string,
  own: Readonly<Record<string, string>>,
  transport: Transport,
): Promise<StageDifference> {
  const buildctl = await buildctlOf(home);
  if (!buildctl) throw new Error("the second builder is not there");
  const compared = await compareImages(
    await publishedImage(reference, transport),
    await builtImage(buildctl, rebuilt),
  );
  const then = buildVersions((await storedProvenance(reference, transport))?.predicate);
  const now = await versionsNow(buildctl, rebuilt, own);
  const differing = Object.entries(then).filter(([name, version]) => name in now && now[name] !== version);
  const versions = differing.map(([name, version]) => [name, [version, now[name] ?? ""]] as const);
  return { ...compared, versions: Object.fromEntries(versions) };
}

async function versionsNow(
  buildctl: Buildctl,
  rebuilt: string,
  { buildkit }: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const digest = (await provenanceDigests(buildctl)).get(rebuilt);
  const written = digest === undefined ? {} : buildVersions(await documentOf(buildctl, digest));
  return { ...written, ...(buildkit && { BuildKit: buildkit }) };
}
