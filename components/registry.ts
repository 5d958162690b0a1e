import type * as dockerBuild from "@pulumi/docker-build";
import type * as pulumi from "@pulumi/pulumi";

/** Where stages and products go. One implementation for each kind of registry. */
export interface Registry {
  /** `host[:port]/path`: one repository holds stages, caches and products, so that a blob is pushed once. */
  readonly repository: pulumi.Output<string>;
  /** Logins for the builder; none for a registry that needs none. */
  readonly logins: readonly dockerBuild.types.input.RegistryArgs[];
  /** Bytes of an image as stored, its layers and configuration. */
  compressedSize(reference: string): Promise<number>;
}
