import type * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { keepAuthority } from "../../oci/access/logins.ts";
import { type Registry, readyLogin, sizesWith } from "./registry.ts";

export interface OciRegistryArgs {
  /** Host with its port. HTTPS, but for a loopback address without authorities of its own. */
  readonly address: string;
  /** Path below it, `team/strata`. */
  readonly repository: string;
  /** @default nobody, or whom `docker login` knows */
  readonly username?: string | undefined;
  /** Empty where there is no user, or a preview has none. */
  readonly password: pulumi.Input<string>;
  /** Certificate authorities that it is trusted by, as PEM, beside the public ones. */
  readonly ca?: string | undefined;
  /** Folder in which logins are kept. */
  readonly logins: string;
}

/** Any registry that speaks the OCI distribution protocol. */
export class OciRegistry extends pulumi.ComponentResource implements Registry {
  readonly repository: pulumi.Output<string>;
  readonly logins: readonly dockerBuild.types.input.RegistryArgs[];
  readonly removesOldStages = false;
  readonly compressedSize: Registry["compressedSize"];

  constructor(name: string, args: OciRegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:OciRegistry", name, {}, options);
    const { address, repository, username, password, ca, logins } = args;
    const login = username === undefined ? undefined : readyLogin({ ...args, username, password });
    const ready = login?.kept ?? pulumi.output(keepAuthority(logins, address, ca));
    this.logins = login ? [login.forBuilder] : [];
    this.repository = pulumi.output(ready).apply(() => `${address}/${repository}`);
    this.compressedSize = sizesWith(logins);
    this.registerOutputs({ repository: this.repository });
  }
}
