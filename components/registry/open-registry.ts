import * as pulumi from "@pulumi/pulumi";
import { UserError, withPackage } from "../../errors.ts";
import { type RegistrySetting, registryHost, registryLogin } from "../../lib/registry/registry-setting.ts";
import { dockerConfigFolder, findCredentials } from "../../oci/access/credentials.ts";
import type { BeforeRemoval } from "./ecr-registry.ts";
import { GhcrRegistry } from "./ghcr-registry.ts";
import { LocalRegistry } from "./local-registry.ts";
import { OciRegistry } from "./oci-registry.ts";
import type { Registry } from "./registry.ts";

export interface RegistryContext {
  /** `host:port` of the registry that `make up` starts. */
  readonly localAddress: string;
  /** Folder in which logins are kept. */
  readonly logins: string;
  /** @default what `docker login` knows */
  readonly password?: pulumi.Input<string> | undefined;
  /** Certificate authorities of the registry, as PEM. */
  readonly ca?: string | undefined;
  /** Of ECR: what has to be there before images without a tag are removed. */
  readonly beforeRemoval?: BeforeRemoval | undefined;
}

/** A stack's registry, and those that a tested product is copied to. */
export interface Registries {
  readonly registry: Registry;
  readonly copies: readonly Registry[];
}

/** The registries of a stack, as it is configured. @param context what else is needed to get into each of them */
export async function openRegistries(
  settings: { readonly registry: RegistrySetting; readonly copies: readonly RegistrySetting[] },
  context: (setting: RegistrySetting) => RegistryContext,
): Promise<Registries> {
  const open = (name: string, setting: RegistrySetting) => openRegistry(name, setting, context(setting));
  return {
    registry: await open("registry", settings.registry),
    copies: await Promise.all(settings.copies.map((setting, index) => open(`copy-${index + 1}`, setting))),
  };
}

/** The component for a registry of any kind. */
export async function openRegistry(
  name: string,
  setting: RegistrySetting,
  { localAddress, logins, password: given, ca, beforeRemoval }: RegistryContext,
  options?: pulumi.ComponentResourceOptions,
): Promise<Registry> {
  const { repository } = setting;
  const address = registryHost(setting, localAddress);
  switch (setting.kind) {
    case "local":
      return new LocalRegistry(name, { address, repository }, options);
    case "ghcr": {
      const { owner, username } = setting;
      const path = `${owner}/${repository}`;
      const password = given ?? (await dockerPassword(address, path));
      return new GhcrRegistry(name, { owner, repository, username, password, logins }, options);
    }
    case "docker-hub": {
      const { username = "" } = registryLogin(setting);
      const path = `${setting.namespace}/${repository}`;
      const password = given ?? (await dockerPassword(address, path));
      return new OciRegistry(name, { address, repository: path, username, password, logins }, options);
    }
    case "oci": {
      const { username } = setting;
      const password = given ?? (username === undefined ? "" : await dockerPassword(address, repository));
      return new OciRegistry(name, { address, repository, username, password, ca, logins }, options);
    }
    case "ecr": {
      // Only a stack on ECR pays for loading AWS's resources, and needs the provider.
      const { EcrRegistry } = await withPackage("@pulumi/aws", () => import("./ecr-registry.ts"));
      return new EcrRegistry(name, { ...setting, address, logins, beforeRemoval }, options);
    }
  }
}

/** A preview does without: it leaves open what it cannot ask. */
async function dockerPassword(address: string, repository: string): Promise<string> {
  const credentials = await findCredentials(address, dockerConfigFolder(), repository);
  if (credentials?.kind === "password") return credentials.password;
  if (pulumi.runtime.isDryRun()) return "";
  throw new UserError(
    `registry ${address}`,
    "there is no password for it.",
    `Log in with \`docker login ${address}\`, or set password beside its address, as a secret.`,
  );
}
