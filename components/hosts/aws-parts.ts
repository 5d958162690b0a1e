import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as iam from "@pulumi/aws/iam/index.js";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import type { RentedDescription } from "../../lib/hosts/description.ts";
import {
  PURPOSE_TAG,
  type Purpose,
  partitionOf,
  schedulerPolicy,
  trustPolicy,
} from "../../lib/hosts/policies.ts";

/** What starting an instance on EC2 needs to be there, whatever it is for: rights, rules and a template. */
export interface RentedArgs {
  readonly region: string;
  /** Of the credentials. @default as AWS's own tools find them */
  readonly profile?: string | undefined;
  /** `strata/ada`: project and stack, for names and tags. */
  readonly stack: string;
  /** Instance types, in the order in which they are wanted. */
  readonly instances: readonly RentedDescription["instances"][number][];
  /** Whether spot instances are tried first. */
  readonly spot: boolean;
  /** @default the subnets of the region's default VPC */
  readonly subnets?: readonly string[] | undefined;
  /** Id of an AMI. @default the newest of `amiParameter` when an instance is started */
  readonly ami?: string | undefined;
  /** GiB of the root volume. */
  readonly volumeGiB: number;
}

/** What decides between a test and a builder. */
export interface RentedParts {
  readonly purpose: Purpose;
  /** Name of a public parameter. Its AMI's root device is /dev/sda1. */
  readonly amiParameter: string;
  /** Of the security group. */
  readonly about: string;
  /** Where an instance may connect to. */
  readonly ports: readonly number[];
  readonly userData: string;
  /** What its role opens. */
  readonly policy: pulumi.Input<string>;
}

export interface RentedResources {
  readonly nodes: {
    readonly launchTemplate: ec2.LaunchTemplate;
    readonly securityGroup: ec2.SecurityGroup;
    readonly role: iam.Role;
    readonly schedulerRole: iam.Role;
  };
  /** For whoever starts one. */
  readonly description: pulumi.Output<Omit<RentedDescription, "purpose">>;
}

/** Of Ubuntu's AMIs, and those made of them. */
const ROOT_DEVICE = "/dev/sda1";
/** gp3: MiB a second, and the operations that they need at 256 KiB each. */
const THROUGHPUT = 750;
const OPERATIONS = 3_000;

/** Makes all of it below `parent`, once; it costs nothing while it lies there. */
export function makeRentedParts(
  name: string,
  args: RentedArgs,
  parts: RentedParts,
  parent: pulumi.Resource,
): RentedResources {
  const { region, profile, stack, instances, spot, ami } = args;
  const tags = {
    Name: `strata-${parts.purpose} ${stack}`,
    [PURPOSE_TAG]: parts.purpose,
    "strata:stack": stack,
  };
  const access = profile === undefined ? {} : { profile };
  const provider = new Provider(
    name,
    { region, ...access, defaultTags: { tags: { "strata:stack": stack } } },
    { parent },
  );
  const children = { parent, provider };
  const subnets = args.subnets
    ? pulumi.output([...args.subnets])
    : ec2
        .getSubnetsOutput({ filters: [{ name: "default-for-az", values: ["true"] }] }, children)
        // EC2 gives them in any order, and another one would be another test.
        .ids.apply((ids) => ids.toSorted());
  const vpcId = ec2.getSubnetOutput({ id: subnets.apply(([first = ""]) => first) }, children).vpcId;
  const securityGroup = makeSecurityGroup(name, vpcId, { parts, tags }, children);
  const role = new iam.Role(name, { assumeRolePolicy: trustPolicy("ec2.amazonaws.com") }, children);
  new iam.RolePolicy(name, { role: role.name, policy: parts.policy }, children);
  const profileOfRole = new iam.InstanceProfile(name, { role: role.name }, children);
  const launchTemplate = makeLaunchTemplate(
    name,
    args,
    { securityGroup, profileOfRole, tags, parts },
    children,
  );
  const schedulerRole = makeSchedulerRole(`${name}-scheduler`, region, parts.purpose, children);
  const description = pulumi
    .all([subnets, launchTemplate.id, launchTemplate.latestVersion, schedulerRole.arn])
    .apply(([ids, template, version, schedulerArn]) => ({
      region,
      ...access,
      stack,
      spot,
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
      amiParameter: parts.amiParameter,
    }));
  return { nodes: { launchTemplate, securityGroup, role, schedulerRole }, description };
}

/** Nothing comes in. */
function makeSecurityGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  { parts, tags }: { readonly parts: RentedParts; readonly tags: Record<string, string> },
  options: pulumi.CustomResourceOptions,
): ec2.SecurityGroup {
  const egress = parts.ports.map((port) => ({
    protocol: "tcp",
    fromPort: port,
    toPort: port,
    cidrBlocks: ["0.0.0.0/0"],
  }));
  return new ec2.SecurityGroup(name, { vpcId, description: parts.about, ingress: [], egress, tags }, options);
}

function makeSchedulerRole(
  name: string,
  region: string,
  purpose: Purpose,
  options: pulumi.CustomResourceOptions,
): iam.Role {
  const role = new iam.Role(name, { assumeRolePolicy: trustPolicy("scheduler.amazonaws.com") }, options);
  const policy = schedulerPolicy(partitionOf(region), purpose);
  new iam.RolePolicy(name, { role: role.name, policy }, options);
  return role;
}

/** Everything about an instance but its type, its subnet and its AMI, which are chosen when it is started. */
function makeLaunchTemplate(
  name: string,
  { volumeGiB }: RentedArgs,
  made: {
    readonly securityGroup: ec2.SecurityGroup;
    readonly profileOfRole: iam.InstanceProfile;
    readonly tags: Record<string, string>;
    readonly parts: RentedParts;
  },
  options: pulumi.CustomResourceOptions,
): ec2.LaunchTemplate {
  const { securityGroup, profileOfRole, tags, parts } = made;
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
      userData: Buffer.from(parts.userData).toString("base64"),
      tags,
    },
    options,
  );
}
