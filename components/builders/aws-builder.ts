import * as pulumi from "@pulumi/pulumi";
import type { AwsBuilderDescription } from "../../lib/hosts/description.ts";
import { builderData } from "../../lib/hosts/fleet.ts";
import { instancePolicy } from "../../lib/hosts/policies.ts";
import { makeRentedParts, type RentedArgs, type RentedResources } from "../hosts/aws-parts.ts";

export interface AwsBuilderArgs extends RentedArgs {
  /** Minutes after which an instance ends itself. */
  readonly minutes: number;
  /** Where its stages' sources and images are, beside HTTP and HTTPS. */
  readonly ports: readonly number[];
  /** Address of BuildKit's archive. */
  readonly release: string;
}

/** Ubuntu's own, with the agent of Systems Manager: https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ */
const AMI_PARAMETER = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
/** Minutes after its time at which an instance ends itself. */
const SPARE_MINUTES = 10;

/**
 * What a builder on EC2 needs to be there. The command that runs the update starts an instance when heavy stages are not in the
 * registry, and ends it after the last of them (tools/rented).
 */
export class AwsBuilder extends pulumi.ComponentResource {
  readonly description: pulumi.Output<AwsBuilderDescription>;
  readonly nodes: RentedResources["nodes"];

  constructor(name: string, args: AwsBuilderArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:AwsBuilder", name, {}, options);
    const { nodes, description } = makeRentedParts(
      name,
      args,
      {
        purpose: "builder",
        amiParameter: AMI_PARAMETER,
        about: "Builders of strata: no way in",
        ports: [...new Set([443, 80, ...args.ports])],
        userData: builderData(args.minutes + SPARE_MINUTES, args.release),
        policy: instancePolicy(),
      },
      this,
    );
    this.nodes = nodes;
    this.description = description.apply((rented) => ({ purpose: "builder" as const, ...rented }));
    this.registerOutputs({ description: this.description });
  }
}
