import type * as pulumi from "@pulumi/pulumi";
import type { HostDescription } from "../../lib/hosts/description.ts";

/** Where a product is tested. A kind that needs resources is a component; the others are what this interface says. */
export interface Host {
  /** For the program that runs the test; holds no secret. */
  readonly description: pulumi.Input<HostDescription>;
  /** A secret that opens the host. */
  readonly privateKey?: pulumi.Input<string>;
}
