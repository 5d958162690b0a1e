import * as pulumi from "@pulumi/pulumi";
import type { HostDescription } from "../../lib/hosts/description.ts";
import { userData } from "../../lib/hosts/fleet.ts";
import { instancePolicy, LOGIN_PARAMETERS, partitionOf } from "../../lib/hosts/policies.ts";
import { makeRentedParts, type RentedArgs, type RentedResources } from "./aws-parts.ts";
import type { Host } from "./host.ts";

export interface AwsHostArgs extends RentedArgs {
  /** Minutes after which an instance ends itself. */
  readonly minutes: number;
  /** ARN of the one repository that instances may pull from; undefined for registries other than ECR. */
  readonly repositoryArn?: pulumi.Input<string> | undefined;
}

/** Brings a driver for every generation since Turing, Docker and the agent of Systems Manager (docs/hosts.md). */
const AMI_PARAMETER =
  "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id";

/**
 * What a test on EC2 needs to be there: rights, rules and a template. An instance itself is started by tools/steps/smoke-test.ts,
 * so that it lives for one test and no longer.
 */
export class AwsHost extends pulumi.ComponentResource implements Host {
  readonly description: pulumi.Output<HostDescription>;
  readonly nodes: RentedResources["nodes"];

  constructor(name: string, args: AwsHostArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:AwsHost", name, {}, options);
    const { region, stack, minutes, repositoryArn } = args;
    const loginParameter = `${LOGIN_PARAMETERS}/${stack}/${name}`;
    const loginParameterArn = `arn:${partitionOf(region)}:ssm:${region}:*:parameter${loginParameter}`;
    const { nodes, description } = makeRentedParts(
      name,
      args,
      {
        purpose: "smoke-test",
        amiParameter: AMI_PARAMETER,
        about: "Smoke tests of strata: no way in, HTTPS out",
        // Systems Manager, the registry.
        ports: [443],
        userData: userData(minutes),
        policy: pulumi
          .output(repositoryArn)
          .apply((arn) => instancePolicy({ repositoryArn: arn, loginParameterArn })),
      },
      this,
    );
    this.nodes = nodes;
    this.description = description.apply((rented) => ({ kind: "aws" as const, loginParameter, ...rented }));
    this.registerOutputs({ description: this.description });
  }
}
