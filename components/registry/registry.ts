import type * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { keepAuthority, keepLogin } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readSize } from "../../oci/read/image.ts";

/** Where stages and products go. One implementation for each kind of registry. */
export interface Registry {
  /**
   * `host[:port]/path`: one repository holds stages, caches and products, so that a blob is pushed once. Whoever has it
   * finds the registry made, and its login kept for the programs that the update runs.
   */
  readonly repository: pulumi.Output<string>;
  /** Logins for the builder; none for a registry that needs none, or that `docker login` knows. */
  readonly logins: readonly dockerBuild.types.input.RegistryArgs[];
  /** ARN of the repository, for policies that allow a host to pull from it; undefined where it is not ECR's. */
  readonly repositoryArn?: pulumi.Output<string>;
  /** Whether old stages are removed here: those that a stack uses then need a tag that keeps them. */
  readonly removesOldStages: boolean;
  /** Bytes of an image as stored, its layers and configuration. */
  compressedSize(reference: string): Promise<number>;
}

export interface LoginArgs {
  /** Host with its port. */
  readonly address: string;
  readonly username: string;
  /** Empty where there is none, in a preview. */
  readonly password: pulumi.Input<string>;
  /** ISO time after which it is none any more. */
  readonly expires?: pulumi.Input<string>;
  /** Folder in which logins are kept, see oci/access/logins.ts. */
  readonly logins: string;
  /** Certificate authorities of the registry, as PEM. */
  readonly ca?: string | undefined;
}

/** A login that is ready for the builder, and kept for programs that the update runs. */
export interface ReadyLogin {
  readonly forBuilder: dockerBuild.types.input.RegistryArgs;
  /** Resolves when the programs can use it, and tells nothing about it. */
  readonly kept: pulumi.Output<boolean>;
}

/**
 * Makes a login of an address, a name and a password. The provider compares the first two alone, so a token of today
 * rebuilds nothing; therefore neither may depend on who runs the update. A plan that was saved compares all three: a
 * preview, which logs in nowhere, leaves the password open, so that any fits the plan.
 */
export function readyLogin(args: LoginArgs): ReadyLogin {
  const { address, username, logins, ca } = args;
  const password = pulumi.secret(args.password);
  const kept = pulumi.all([password, args.expires]).apply(async ([plainPassword, expires]) => {
    const login = plainPassword && {
      address,
      username,
      password: plainPassword,
      ...(expires && { expires }),
    };
    // A preview that knows no password leaves what an update has kept: the programs of one may be using it.
    const keeps = login || !pulumi.runtime.isDryRun();
    await Promise.all([
      keeps ? keepLogin(logins, address, login || undefined) : undefined,
      keepAuthority(logins, address, ca),
    ]);
    return true;
  });
  // Not as a secret: the provider makes an empty one of a secret that is not known, and a plan then wants that.
  const forBuilder = pulumi.runtime.isDryRun() ? pulumi.output<string>(pulumi.unknown as never) : password;
  return { forBuilder: { address, username, password: forBuilder }, kept: pulumi.unsecret(kept) };
}

/** `Registry.compressedSize`, with the logins that are kept in `logins`. */
export function sizesWith(logins: string): Registry["compressedSize"] {
  const transport = new Transport({ logins });
  return async (reference) => await readSize(reference, transport);
}
