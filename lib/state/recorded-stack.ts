import { z } from "zod";
import { readStageTag } from "../registry/tags.ts";
import { type RecordedResource, recordedResources, resourceName } from "./recorded-resources.ts";

/** A stage that was built. */
interface RecordedStage {
  /** Of the image that the registry has. */
  readonly key: string;
  readonly role?: unknown;
  readonly digest?: unknown;
  readonly bytes?: unknown;
  /** What the key was made of; empty where nobody knows. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What a stack's state says of its image, by the names that previews and summaries use. */
export interface RecordedStack {
  readonly recipe?: unknown;
  readonly product?: unknown;
  /** Where its images are, without a tag. */
  readonly repository?: string | undefined;
  /** By layer, the product under its recipe's name. */
  readonly stages?: Readonly<Record<string, unknown>>;
  /** Evidence about exactly this product. */
  readonly evidence?: unknown;
  /** What its tags point at; null where none was moved yet. */
  readonly promoted?: { readonly digest: string; readonly tags: readonly string[] } | null;
  /** Whether the smoke test's resource exists: Pulumi refuses to replace what it does not know. */
  readonly hasTest?: boolean;
  /** What the stack exports, as it is. */
  readonly outputs?: Readonly<Record<string, unknown>>;
}

const IMAGE = "strata:index:LayeredImage";
const PRODUCT = "strata:index:ProductImage";
const stageTypes = ["strata:index:ImageStage", "strata:index:BulkStage", PRODUCT];

/**
 * Reads a stack out of its state: a file of our backend, or what `pulumi stack export` prints. Each stage is what its
 * image says that was built, so an update that failed, was interrupted or was about a part has left what it has left;
 * what the components registered explains it. A state of the former form has the same resources.
 *
 * @param wanted the recipe whose image it is about. @default the stack's own
 */
export function recordedStack(state: unknown, wanted?: string): RecordedStack {
  const resources = recordedResources(state);
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  const recipe = wanted ?? recipeIn(resources, outputs.recipe);
  // A stack without an image of ours: what it exports may be that of a version before the components.
  if (recipe === undefined) return { ...outputs, outputs };
  const component = (type: string, name: string) =>
    resources.find((resource) => resource.type === type && resourceName(resource) === name);
  const image = component(IMAGE, recipe)?.outputs ?? {};
  const promotion = component("strata:index:Promotion", `${recipe}-promotion`);
  const smoke = component("strata:index:SmokeTest", `${recipe}-smoke`);
  const digest = asText(image.digest);
  const { stages, repository } = stagesOf(recipe, resources, outputs);
  const promoted = promotedBy(promotion, workOf(promotion, resources));
  return {
    recipe,
    ...(digest
      ? {
          product: {
            reference: image.reference,
            digest,
            bytes: image.compressedSize,
            tags: promoted?.digest === digest ? promoted.tags : [],
            copies: copiesOf(recipe, resources),
            models: image.library ?? null,
          },
        }
      : {}),
    stages,
    repository,
    evidence: evidenceAbout(digest, smoke?.outputs.evidence),
    promoted,
    hasTest: workOf(smoke, resources) !== undefined,
    outputs,
  };
}

/** The stack's own word, where there are several: stages of another recipe may have been built alone. */
function recipeIn(resources: readonly RecordedResource[], exported: unknown): string | undefined {
  const names = resources.filter(({ type }) => type === IMAGE).map(resourceName);
  return names.find((name) => name === exported) ?? names[0];
}

/** The resource that does a component's work; undefined where it was never done. */
function workOf(
  component: RecordedResource | undefined,
  resources: readonly RecordedResource[],
): RecordedResource | undefined {
  return component && resources.find(({ parent, custom }) => custom && parent === component.urn);
}

function stagesOf(
  recipe: string,
  resources: readonly RecordedResource[],
  former: Readonly<Record<string, unknown>>,
): { stages: Record<string, RecordedStage>; repository: string | undefined } {
  const formerStages = registeredStages.safeParse(former.stages).data ?? {};
  const built = resources.flatMap((component) => {
    const ours = stageTypes.includes(component.type) && component.parent?.endsWith(`${IMAGE}::${recipe}`);
    const work = ours ? workOf(component, resources) : undefined;
    const target = work && targetOf(work);
    if (!work || !target) return [];
    const { name, key, role, repository } = target;
    const { outputs } = component;
    const digest = asText(work.outputs.digest) ?? printedDigest(work) ?? outputs.digest;
    // An update of other stages registers what the plan wants, and not what was built.
    const described = [outputs, formerStages[name]].find((each) => each?.key === key);
    const stage: RecordedStage = {
      // The former form did not say which of the others is the system's.
      role: described?.role ?? (role === "product" ? role : undefined),
      key,
      digest,
      bytes: outputs.digest === digest ? outputs.compressedSize : undefined,
      inputs: objectOf(described?.inputs),
    };
    return [{ name, stage, repository, type: component.type }];
  });
  // The product last, as in a plan; after one that was built, which stays in the state of an update that failed later.
  const rank = ({ name, type }: (typeof built)[number]) => (name !== recipe ? 0 : type === PRODUCT ? 2 : 1);
  const inOrder = built.toSorted((a, b) => rank(a) - rank(b));
  return {
    stages: Object.fromEntries(inOrder.map(({ name, stage }) => [name, stage])),
    // An update that moves to another repository and fails has left some here and some there: the product says which.
    repository: inOrder.at(-1)?.repository,
  };
}

const registeredStages = z.record(
  z.string(),
  z.object({ key: z.string(), role: z.unknown(), inputs: z.record(z.string(), z.unknown()) }).partial(),
);

const pushed = z.object({ exports: z.array(z.object({ raw: z.string() })).min(1) });
const told = z.object({ environment: z.object({ STRATA_TARGET: z.string() }) });

/** What a stage's resource built, by the tag that it was pushed under. */
function targetOf({ outputs }: RecordedResource) {
  const raw = pushed.safeParse(outputs).data?.exports[0]?.raw;
  return readStageTag(raw ?? told.safeParse(outputs).data?.environment.STRATA_TARGET ?? "");
}

/** The digest of the image that a stage's command printed; where certificates are given it is a secret, and not said. */
function printedDigest({ outputs }: RecordedResource): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(asText(outputs.stdout)?.trim() ?? "")?.[1];
}

const promotionSchema = z.object({ environment: z.object({ STRATA_REFERENCE: z.string() }) });

function promotedBy(
  component: RecordedResource | undefined,
  command: RecordedResource | undefined,
): NonNullable<RecordedStack["promoted"]> | null {
  const tags = z.array(z.string()).safeParse(component?.outputs.tags).data;
  const digest = promotionSchema.safeParse(command?.outputs).data?.environment.STRATA_REFERENCE.split("@")[1];
  return tags && digest ? { digest, tags } : null;
}

function copiesOf(recipe: string, resources: readonly RecordedResource[]): unknown[] {
  return resources
    .filter(({ type }) => type === "strata:index:ProductCopy")
    .filter((copy) => resourceName(copy).startsWith(`${recipe}-copy-`))
    .toSorted((a, b) => resourceName(a).localeCompare(resourceName(b), "en", { numeric: true }))
    .map(({ outputs }) => outputs.tags);
}

/** What a test found about `digest`; evidence about another image, which a failed test leaves, is none. */
function evidenceAbout(digest: string | undefined, text: unknown): unknown {
  if (typeof text !== "string" || text === "") return null;
  try {
    const evidence = JSON.parse(text);
    return digest === undefined || evidence?.digest === digest ? evidence : null;
  } catch {
    return null;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
