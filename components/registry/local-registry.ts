import * as pulumi from "@pulumi/pulumi";
import { readImage } from "../../oci/read/image.ts";
import type { Registry } from "./registry.ts";

export interface LocalRegistryArgs {
  /** `127.0.0.1:5000`; plain HTTP, loopback only. */
  readonly address: pulumi.Input<string>;
  /** Path below it, `strata`. */
  readonly repository: pulumi.Input<string>;
}

/** The registry on this machine's loopback address that `make up` starts. */
export class LocalRegistry extends pulumi.ComponentResource implements Registry {
  readonly repository: pulumi.Output<string>;
  readonly logins = [];
  readonly removesOldStages = false;

  constructor(name: string, args: LocalRegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:LocalRegistry", name, {}, options);
    this.repository = pulumi.interpolate`${args.address}/${args.repository}`;
    this.registerOutputs({ repository: this.repository });
  }

  async compressedSize(reference: string): Promise<number> {
    return (await readImage(reference)).bytes;
  }
}
