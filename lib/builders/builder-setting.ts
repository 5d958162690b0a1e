import { createHash } from "node:crypto";
import { z } from "zod";
import { type AwsBuilderSetting, awsSetting } from "./aws-setting.ts";
import { type KubernetesSetting, kubernetesSetting } from "./kubernetes/kubernetes-setting.ts";
import { type RemoteSetting, remoteSetting } from "./remote-setting.ts";

/** `strata:builder` and `strata:builders`: where stages are built. */

/** The builder that `make up` starts, and what every builder of a stack is called that is not somebody's own. */
export const OWN_BUILDER = "strata";
/** What a builder for heavy stages is called, wherever it is: the name is an input of an image, its place is none. */
export const HEAVY_BUILDER = `${OWN_BUILDER}-heavy`;

const local = z.strictObject({ kind: z.literal("local") });

/** A place where buildkitd runs, or the name of a builder that buildx knows. */
export const builderSetting = z.union(
  [z.string().min(1), z.discriminatedUnion("kind", [local, remoteSetting, kubernetesSetting, awsSetting])],
  "expected the name of a buildx builder, {kind: local}, {kind: remote, address, tls: {ca, cert, key}}, {kind: kubernetes, namespace}, or, for heavy stages, {kind: aws, region}",
);

export const buildersSetting = z
  .strictObject({ default: builderSetting.optional(), heavy: builderSetting.optional() })
  .default({});

export type BuilderSetting = z.output<typeof builderSetting>;

/** A builder that is not on this machine: what strata opens a way to. Each kind has a file here and one in tools/ways. */
export type FarSetting = RemoteSetting | KubernetesSetting | AwsBuilderSetting;

/** What a stack says of its builders. */
export interface BuilderChoice {
  readonly builder: BuilderSetting;
  readonly builders: z.output<typeof buildersSetting>;
}

/** A builder of a stack: whose stages it builds, and under which names images know it. */
export interface StackBuilder {
  /** Where the stack says it. */
  readonly path: string;
  readonly setting: BuilderSetting;
  /** One for each address, so that stages are spread over them. */
  readonly names: readonly string[];
}

/** A stack's builders: of most stages, and of those whose compilers are heavy. */
export interface StackBuilders {
  readonly default: StackBuilder;
  readonly heavy: StackBuilder;
}

export function stackBuilders({ builder, builders }: BuilderChoice): StackBuilders {
  const [setting, path] =
    builders.default === undefined
      ? [builder, "strata:builder"]
      : [builders.default, "strata:builders.default"];
  const { heavy } = builders;
  const ordinary = { path, setting, names: namesOf(setting, OWN_BUILDER) };
  if (heavy === undefined) return { default: ordinary, heavy: ordinary };
  return {
    default: ordinary,
    heavy: { path: "strata:builders.heavy", setting: heavy, names: namesOf(heavy, HEAVY_BUILDER) },
  };
}

/** How many buildkitd of a kind share a stack's stages: each is a name of its own. */
const shares: { readonly [K in FarSetting["kind"]]: (setting: FarSetting & { readonly kind: K }) => number } =
  {
    remote: ({ address }) => address.length,
    aws: () => 1,
    kubernetes: ({ replicas }) => replicas,
  };

function namesOf(setting: BuilderSetting, name: string): string[] {
  if (typeof setting === "string") return isNamed(setting) ? [setting] : [name];
  const count = setting.kind === "local" ? 1 : (shares[setting.kind] as (far: FarSetting) => number)(setting);
  return Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

/** Whether it is a builder of the user's own, which buildx knows. */
function isNamed(setting: BuilderSetting): setting is string {
  return typeof setting === "string" && setting !== OWN_BUILDER;
}

/** Whose builder it is: the one that `make up` starts here, one that buildx knows, or one that strata opens a way to. */
export function kindOfBuilder(setting: BuilderSetting): "local" | "named" | FarSetting["kind"] {
  if (typeof setting === "string") return isNamed(setting) ? "named" : "local";
  return setting.kind;
}

/** Whether it is out of this machine's reach for what listens on loopback here. */
export function isFar(setting: BuilderSetting): setting is FarSetting {
  return typeof setting !== "string" && setting.kind !== "local";
}

/** Whether it comes and goes with the update that needs it. */
export function isRented(setting: BuilderSetting): setting is AwsBuilderSetting {
  return kindOfBuilder(setting) === "aws";
}

/** The name of the builder that builds a stage; the same for the same stage and as many addresses. */
export function builderOf(
  builders: StackBuilders,
  { name, weight }: { readonly name: string; readonly weight?: unknown },
): string {
  const { names } = weight === undefined ? builders.default : builders.heavy;
  // Whoever draws the highest number: another address takes stages from each of the others, and moves no more.
  const drawn = (builder: string) => createHash("sha256").update(`${builder}\0${name}`).digest("hex");
  return names.toSorted((a, b) => (drawn(a) < drawn(b) ? 1 : -1))[0] ?? OWN_BUILDER;
}
