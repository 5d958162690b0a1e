import { createHash } from "node:crypto";
import { z } from "zod";

/** `strata:builder` and `strata:builders`: where stages are built. */

/** The builder that `make up` starts, and what every builder of a stack is called that is not somebody's own. */
export const OWN_BUILDER = "strata";
/** What a builder for heavy stages is called, wherever it is: the name is an input of an image, its place is none. */
export const HEAVY_BUILDER = `${OWN_BUILDER}-heavy`;

const local = z.strictObject({ kind: z.literal("local") });

const address = z
  .string()
  .regex(/^tcp:\/\/(\[[0-9a-f:]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/, "expected tcp://host:port of a buildkitd");

/** A text in PEM, or the path of a file with it. */
const pem = z.string().min(1);

const remote = z.strictObject({
  kind: z.literal("remote"),
  /** One buildkitd, or several that share the work. */
  address: z.union([address, z.array(address).min(1)]).transform((one) => [one].flat()),
  tls: z.strictObject({
    /** Of the authority that signed the builder's certificate. */
    ca: pem,
    /** What the builder knows its clients by. */
    cert: pem,
    /** Its key: a path, or encrypted in the stack's file. */
    key: pem,
    /** The name in the builder's certificate, where it is not that of the address. */
    serverName: z.string().min(1).optional(),
  }),
  /** Seconds without an answer after which it is taken for gone. */
  patience: z.int().min(2).max(40).default(30),
});

/** A place where buildkitd runs, or the name of a builder that buildx knows. */
export const builderSetting = z.union(
  [z.string().min(1), z.discriminatedUnion("kind", [local, remote])],
  "expected the name of a buildx builder, {kind: local}, or {kind: remote, address, tls: {ca, cert, key}}",
);

export const buildersSetting = z
  .strictObject({ default: builderSetting.optional(), heavy: builderSetting.optional() })
  .default({});

export type BuilderSetting = z.output<typeof builderSetting>;
export type RemoteSetting = z.output<typeof remote>;

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

function namesOf(setting: BuilderSetting, name: string): string[] {
  if (typeof setting === "string") return isNamed(setting) ? [setting] : [name];
  if (setting.kind === "local") return [name];
  return setting.address.map((_, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

/** Whether it is a builder of the user's own, which buildx knows. */
function isNamed(setting: BuilderSetting): setting is string {
  return typeof setting === "string" && setting !== OWN_BUILDER;
}

/** Whose builder it is: the one that `make up` starts here, one that buildx knows, or one that strata opens a way to. */
export function kindOfBuilder(setting: BuilderSetting): "local" | "named" | RemoteSetting["kind"] {
  if (typeof setting === "string") return isNamed(setting) ? "named" : "local";
  return setting.kind;
}

/** Whether it is out of this machine's reach for what listens on loopback here. */
export function isFar(setting: BuilderSetting): setting is RemoteSetting {
  return kindOfBuilder(setting) === "remote";
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
