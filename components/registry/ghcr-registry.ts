import type * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { type Registry, readyLogin, sizesWith } from "./registry.ts";

export interface GhcrRegistryArgs {
  /** A user or an organization, in lower case. */
  readonly owner: string;
  /** Path below it, `strata`. */
  readonly repository: string;
  /** GHCR looks at the token; one name for everybody who runs the update keeps the images as they are. @default owner */
  readonly username?: string | undefined;
  /** A token that may write packages; empty where a preview has none. */
  readonly password: pulumi.Input<string>;
  /** Folder in which logins are kept. */
  readonly logins: string;
}

const ADDRESS = "ghcr.io";

/** GitHub's container registry. A repository there comes into being with the first push. */
export class GhcrRegistry extends pulumi.ComponentResource implements Registry {
  readonly repository: pulumi.Output<string>;
  readonly logins: readonly dockerBuild.types.input.RegistryArgs[];
  readonly removesOldStages = false;
  readonly compressedSize: Registry["compressedSize"];

  constructor(name: string, args: GhcrRegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super("strata:index:GhcrRegistry", name, {}, options);
    const { owner, repository, username = owner, password, logins } = args;
    const login = readyLogin({ address: ADDRESS, username, password, logins });
    this.logins = [login.forBuilder];
    this.repository = login.kept.apply(() => `${ADDRESS}/${owner}/${repository}`);
    this.compressedSize = sizesWith(logins);
    this.registerOutputs({ repository: this.repository });
  }
}
