import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as iam from "@pulumi/aws/iam/index.js";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import type { Instance } from "../../lib/gpu/instances.ts";
import type { HostDescription } from "../../lib/hosts/description.ts";
import { userData } from "../../lib/hosts/fleet.ts";
import {
  instancePolicy,
  LOGIN_PARAMETERS,
  PURPOSE,
  PURPOSE_TAG,
  partitionOf,
  schedulerPolicy,
  trustPolicy,
} from "../../lib/hosts/policies.ts";
import type { Host } from "./host.ts";

export interface AwsHostArgs {
  readonly region: string;
  /** Of the credentials. @default as AWS's own tools find them */
  readonly profile?: string | undefined;
  /** `strata/ada`: project and stack, for names and tags. */
  readonly stack: string;
  /** Instance types, in the order in which they are wanted. */
  readonly instances: readonly Instance[];
  /** Whether spot instances are tried first. */
  readonly spot: boolean;
  /** @default the subnets of the region's default VPC */
  readonly subnets?: readonly string[] | undefined;
  /** Id of an AMI. @default the newest Deep Learning base AMI when a test begins */
  readonly ami?: string | undefined;
  /** GiB of the root volume, where Docker's data lies if the instance has no disk of its own. */
  readonly volumeGiB: number;
  /** Minutes after which an instance ends itself. */
  readonly minutes: number;
  /** ARN of the one repository that instances may pull from; undefined for registries other than ECR. */
  readonly repositoryArn?: pulumi.Input<string> | undefined;
}

/** Brings a driver for every generation since Turing, Docker and the agent of Systems Manager (docs/hosts.md). */
const AMI_PARAMETER =
  "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id";
/** Of that AMI. */
const ROOT_DEVICE = "/dev/sda1";
/** gp3: MiB a second, and the operations that they need at 256 KiB each. */
const THROUGHPUT = 750;
const OPERATIONS = 3_000;

/**
 * What a test on EC2 needs to be there: rights, rules and a template. An instance itself is started by tools/steps/smoke-test.ts,
 * so that it lives for one test and no longer.
 */
export class AwsHost extends pulumi.ComponentResource implements Host {
  readonly description: pulumi.Output<HostDescription>;
  readonly nodes: {
    readonly launchTemplate: ec2.LaunchTemplate;
    readonly securityGroup: ec2.SecurityGroup;
    readonly role: iam.Role;
    readonly schedulerRole: iam.Role;
  };

  constructor(name: string, args: AwsHostArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:AwsHost", name, {}, options);
    const { region, profile, stack, instances, spot, ami } = args;
    const tags = { Name: `strata-smoke-test ${stack}`, [PURPOSE_TAG]: PURPOSE, "strata:stack": stack };
    const access = profile === undefined ? {} : { profile };
    const provider = new Provider(
      name,
      { region, ...access, defaultTags: { tags: { "strata:stack": stack } } },
      { parent: this },
    );
    const children = { parent: this, provider };
    const loginParameter = `${LOGIN_PARAMETERS}/${stack}/${name}`;

    const subnets = args.subnets
      ? pulumi.output([...args.subnets])
      : ec2
          .getSubnetsOutput({ filters: [{ name: "default-for-az", values: ["true"] }] }, children)
          // EC2 gives them in any order, and another one would be another test.
          .ids.apply((ids) => ids.toSorted());
    const vpcId = ec2.getSubnetOutput({ id: subnets.apply(([first = ""]) => first) }, children).vpcId;
    const securityGroup = makeSecurityGroup(name, vpcId, tags, children);
    const role = makeInstanceRole(name, { ...args, loginParameter }, children);
    const profileOfRole = new iam.InstanceProfile(name, { role: role.name }, children);
    const launchTemplate = makeLaunchTemplate(name, args, { securityGroup, profileOfRole, tags }, children);
    const schedulerRole = makeSchedulerRole(`${name}-scheduler`, region, children);

    this.nodes = { launchTemplate, securityGroup, role, schedulerRole };
    this.description = pulumi
      .all([subnets, launchTemplate.id, launchTemplate.latestVersion, schedulerRole.arn])
      .apply(([ids, template, version, schedulerArn]) => ({
        kind: "aws" as const,
        region,
        ...access,
        stack,
        spot,
        loginParameter,
        instances: instances.map(({ type, dollarsPerHour, processors }) => ({
          type,
          dollarsPerHour,
          processors,
        })),
        subnets: ids,
        launchTemplate: template,
        launchTemplateVersion: String(version),
        schedulerRole: schedulerArn,
        ...(ami === undefined ? {} : { ami }),
        amiParameter: AMI_PARAMETER,
      }));
    this.registerOutputs({ description: this.description });
  }
}

/** Nothing comes in. What goes out speaks HTTPS: Systems Manager, the registry. */
function makeSecurityGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  tags: Record<string, string>,
  options: pulumi.CustomResourceOptions,
): ec2.SecurityGroup {
  return new ec2.SecurityGroup(
    name,
    {
      vpcId,
      description: "Smoke tests of strata: no way in, HTTPS out",
      ingress: [],
      egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
      tags,
    },
    options,
  );
}

function makeInstanceRole(
  name: string,
  { region, repositoryArn, loginParameter }: AwsHostArgs & { readonly loginParameter: string },
  options: pulumi.CustomResourceOptions,
): iam.Role {
  const role = new iam.Role(name, { assumeRolePolicy: trustPolicy("ec2.amazonaws.com") }, options);
  const loginParameterArn = `arn:${partitionOf(region)}:ssm:${region}:*:parameter${loginParameter}`;
  const policy = pulumi
    .output(repositoryArn)
    .apply((arn) => instancePolicy({ repositoryArn: arn, loginParameterArn }));
  new iam.RolePolicy(name, { role: role.name, policy }, options);
  return role;
}

function makeSchedulerRole(name: string, region: string, options: pulumi.CustomResourceOptions): iam.Role {
  const role = new iam.Role(name, { assumeRolePolicy: trustPolicy("scheduler.amazonaws.com") }, options);
  new iam.RolePolicy(name, { role: role.name, policy: schedulerPolicy(partitionOf(region)) }, options);
  return role;
}

/** Everything about an instance but its type, its subnet and its AMI, which are chosen when it is started. */
function makeLaunchTemplate(
  name: string,
  { volumeGiB, minutes }: AwsHostArgs,
  parts: {
    readonly securityGroup: ec2.SecurityGroup;
    readonly profileOfRole: iam.InstanceProfile;
    readonly tags: Record<string, string>;
  },
  options: pulumi.CustomResourceOptions,
): ec2.LaunchTemplate {
  const { securityGroup, profileOfRole, tags } = parts;
  return new ec2.LaunchTemplate(
    name,
    {
      updateDefaultVersion: true,
      iamInstanceProfile: { arn: profileOfRole.arn },
      vpcSecurityGroupIds: [securityGroup.id],
      instanceInitiatedShutdownBehavior: "terminate",
      // Containers have no business with the instance's role: its answers end after one hop.
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: ROOT_DEVICE,
          ebs: {
            volumeType: "gp3",
            volumeSize: volumeGiB,
            throughput: THROUGHPUT,
            iops: OPERATIONS,
            encrypted: "true",
            deleteOnTermination: "true",
          },
        },
      ],
      tagSpecifications: [{ resourceType: "volume", tags }],
      userData: Buffer.from(userData(minutes)).toString("base64"),
      tags,
    },
    options,
  );
}
