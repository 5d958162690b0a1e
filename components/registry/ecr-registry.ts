import * as ecr from "@pulumi/aws/ecr/index.js";
import { Provider } from "@pulumi/aws/provider.js";
import type * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { ecrLifecyclePolicy } from "../../lib/registry/ecr-lifecycle.ts";
import { type Registry, readyLogin, sizesWith } from "./registry.ts";

export interface EcrRegistryArgs {
  /** `<account>.dkr.ecr.<region>.amazonaws.com` */
  readonly address: string;
  /** 12 digits; credentials of another account are refused. */
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  /** Whether the repository is this stack's to make. */
  readonly create: boolean;
  /** Days after which stages that no stack uses, and caches, are removed. */
  readonly stageDays: number;
  /** ARN of a KMS key. @default ECR's own encryption */
  readonly kmsKey?: string | undefined;
  /** Folder in which logins are kept. */
  readonly logins: string;
  /**
   * Makes what gives tags to all that is needed, as soon as the repository can be used: what has none is removed by its age
   * from then on. Without it nothing of that is.
   */
  readonly beforeRemoval?: BeforeRemoval | undefined;
}

/** @param repository `host/path` */
export type BeforeRemoval = (
  name: string,
  repository: pulumi.Output<string>,
  options: pulumi.ComponentResourceOptions,
) => pulumi.Resource;

/** A private repository of Amazon ECR: encrypted, scanned on push, with a policy that removes what nobody needs. */
export class EcrRegistry extends pulumi.ComponentResource implements Registry {
  readonly repository: pulumi.Output<string>;
  readonly logins: readonly dockerBuild.types.input.RegistryArgs[];
  readonly removesOldStages = true;
  readonly compressedSize: Registry["compressedSize"];
  /** For policies that allow a host to pull from here. */
  readonly repositoryArn: pulumi.Output<string>;
  readonly nodes: { readonly repository?: ecr.Repository; readonly lifecyclePolicy?: ecr.LifecyclePolicy };

  constructor(name: string, args: EcrRegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:EcrRegistry", name, {}, options);
    const { address, account, region, repository, logins } = args;
    const provider = new Provider(name, { region, allowedAccountIds: [account] }, { parent: this });
    // Other stacks lay their images here too: what this one made outlives it.
    const children = { parent: this, provider, retainOnDelete: true };
    // Without its own region: that of the provider. A token of today is no difference, see `readyLogin`.
    const token = ecr.getAuthorizationTokenOutput({}, { parent: this, provider });
    const login = readyLogin({
      address,
      username: "AWS",
      password: token.password,
      expires: token.expiresAt,
      logins,
    });

    const made = args.create ? makeRepository(name, args, login.kept, children) : undefined;
    this.nodes = made ?? {};
    this.logins = [login.forBuilder];
    // The name is known beforehand; what waits for it waits for the repository and the login.
    this.repository = pulumi
      .all([login.kept, made?.repository.urn, made?.lifecyclePolicy.urn])
      .apply(() => `${address}/${repository}`);
    const partition = region.startsWith("cn-") ? "aws-cn" : "aws";
    this.repositoryArn = pulumi.output(`arn:${partition}:ecr:${region}:${account}:repository/${repository}`);
    this.compressedSize = sizesWith(logins);
    this.registerOutputs({ repository: this.repository, arn: this.repositoryArn });
  }
}

function makeRepository(
  name: string,
  { address, repository, stageDays, kmsKey, beforeRemoval }: EcrRegistryArgs,
  login: pulumi.Output<boolean>,
  options: pulumi.CustomResourceOptions,
) {
  const made = new ecr.Repository(
    name,
    {
      name: repository,
      // Tags of caches and promoted tags move.
      imageTagMutability: "MUTABLE",
      encryptionConfigurations: [kmsKey ? { encryptionType: "KMS", kmsKey } : { encryptionType: "AES256" }],
      imageScanningConfiguration: { scanOnPush: true },
    },
    options,
  );
  const usable = pulumi.all([login, made.urn]).apply(() => `${address}/${repository}`);
  const { parent } = options;
  const tagged = beforeRemoval?.(`${name}-kept`, usable, parent ? { parent } : {});
  const lifecyclePolicy = new ecr.LifecyclePolicy(
    name,
    { repository: made.name, policy: JSON.stringify(ecrLifecyclePolicy(stageDays, tagged !== undefined)) },
    { ...options, ...(tagged && { dependsOn: [tagged] }) },
  );
  return { repository: made, lifecyclePolicy };
}
