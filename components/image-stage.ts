import * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../errors.ts";
import type { StageInputs } from "../lib/plan/key.ts";
import type { StageSummary } from "../lib/plan/partial-update.ts";
import type { Stage } from "../lib/plan/plan.ts";
import { defaultCompression, packing } from "../lib/registry/compression.ts";
import { stageTag } from "../lib/registry/tags.ts";
import type { Registry } from "./registry/registry.ts";

/** How images are built: the same for every stage of a stack. */
export interface BuildSettings {
  readonly registry: Registry;
  /** Name of the buildx builder. */
  readonly builder: pulumi.Input<string>;
  /** That of one stage. @default `builder` */
  readonly builderOf?: (stage: Stage) => pulumi.Input<string>;
  /** Certificate authorities that downloads inside a build trust, as PEM. */
  readonly certificates?: pulumi.Input<string> | undefined;
}

/** What a stage is once it is built, whichever way. */
export interface BuiltStage {
  /** `sha256:…` */
  readonly digest: pulumi.Output<string>;
  /** `repository@sha256:…` */
  readonly reference: pulumi.Output<string>;
  readonly key: string;
  /** What the key was made from; the difference to the last run names the cause of a rebuild. */
  readonly inputs: StageInputs;
  /** Bytes in the registry; undefined in a preview of an image that is yet to be built. */
  readonly compressedSize: pulumi.Output<number | undefined>;
}

export interface ImageStageArgs {
  readonly stage: Stage;
  /** Folder with the stage's build context, below the working directory. */
  readonly context: pulumi.Input<string>;
  /** What its Dockerfile can name: the stages it is built from, and `base` where it starts from nothing. */
  readonly named: Readonly<Record<string, pulumi.Input<string>>>;
  readonly settings: BuildSettings;
  /** What the stack's state says of it, by which previews tell what changes. */
  readonly registered: StageSummary;
}

/**
 * One stage: a layer's files as an image of their own in the registry.
 *
 * Its tag holds the key, so that a preview knows exactly which stages change; what others get from it is the
 * digest alone, so that a rebuild that comes out equal changes nothing further on.
 */
export class ImageStage extends pulumi.ComponentResource implements BuiltStage {
  readonly digest: pulumi.Output<string>;
  readonly reference: pulumi.Output<string>;
  readonly key: string;
  readonly inputs: StageInputs;
  readonly compressedSize: pulumi.Output<number | undefined>;
  readonly nodes: { readonly image: dockerBuild.Image };

  constructor(name: string, args: ImageStageArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:ImageStage", name, {}, options);
    const { stage, settings, registered } = args;
    const { repository } = settings.registry;
    const tag = pulumi.interpolate`${repository}:${stageTag(stage)}`;
    const image = new dockerBuild.Image(name, imageArgs(args, repository, tag), {
      parent: this,
      // The same stage may belong to another stack; deleting it here would delete its manifest there.
      retainOnDelete: true,
    });

    this.nodes = { image };
    this.key = stage.key;
    this.inputs = stage.inputs;
    this.digest = image.digest;
    // In a preview the provider gives an empty digest for an image that is yet to be built.
    this.reference = pulumi
      .all([repository, image.digest, tag])
      .apply(([to, digest, tagged]) => (digest ? `${to}@${digest}` : tagged));
    this.compressedSize = pulumi
      .all([this.reference, image.urn])
      .apply(([reference, urn]) => measured(settings.registry, reference, urn));
    this.registerOutputs({
      digest: this.digest,
      reference: this.reference,
      compressedSize: this.compressedSize,
      ...registered,
    });
  }
}

/**
 * Bytes of an image in its registry. A preview must not need the registry: what cannot be asked is left open there.
 *
 * @param urn of the resource that makes it
 */
export async function measured(
  registry: Registry,
  reference: string,
  urn: string,
): Promise<number | undefined> {
  try {
    return await registry.compressedSize(reference);
  } catch (error) {
    if (pulumi.runtime.isDryRun()) return undefined;
    if (!(error instanceof UserError && / answered 404 /.test(error.problem))) throw error;
    throw new UserError(
      reference,
      "is what the stack's state has, but it is not in its registry any more.",
      `Make it again: pulumi up --replace '${urn}'`,
    );
  }
}

/** The builder of a stage. */
export function builderName(stage: Stage, { builder, builderOf }: BuildSettings): pulumi.Input<string> {
  return builderOf?.(stage) ?? builder;
}

/** Each line answers one of the provider's traps in docs/architecture/04-provider.md. */
function imageArgs(
  { stage, context, named, settings }: ImageStageArgs,
  repository: pulumi.Output<string>,
  tag: pulumi.Output<string>,
): dockerBuild.ImageArgs {
  const compression = stage.compression ?? defaultCompression;
  const { kind, level } = compression;
  const cacheNamed = (key: string) => pulumi.interpolate`${repository}:cache-${stage.name}-${key}`;
  const cache = cacheNamed(stage.cacheKey);
  // Without it a builder exports a layer as it packed it first, for whichever stack. What only builds is in no product.
  const packed =
    stage.role === "build" ? `compression=${kind},compression-level=${level}` : packing(compression);
  return {
    push: false,
    buildOnPreview: false,
    platforms: ["linux/amd64"],
    builder: { name: builderName(stage, settings) },
    registries: [...settings.registry.logins],
    context: {
      location: context,
      named: Object.fromEntries(
        Object.entries(named).map(([key, reference]) => [
          key,
          { location: pulumi.interpolate`docker-image://${reference}` },
        ]),
      ),
    },
    dockerfile: { location: pulumi.interpolate`${context}/Dockerfile` },
    buildArgs: { ...stage.args },
    ...(settings.certificates === undefined
      ? {}
      : { secrets: { ca: settings.certificates }, ignoreSecretsInDiffCalculation: ["ca"] }),
    exports: [
      {
        raw: pulumi.interpolate`type=registry,name=${tag},push=true,oci-mediatypes=true,${packed}`,
      },
    ],
    cacheFrom: [cache, ...(stage.defaultCacheKey ? [cacheNamed(stage.defaultCacheKey)] : [])].map((ref) => ({
      raw: pulumi.interpolate`type=registry,ref=${ref}`,
    })),
    cacheTo: [
      {
        raw: pulumi.interpolate`type=registry,ref=${cache},mode=${stage.cachesSteps ? "max" : "min"},oci-mediatypes=true,image-manifest=true,ignore-error=true,compression=${kind}`,
      },
    ],
  };
}
