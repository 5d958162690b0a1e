import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { type RegistrySetting, registryHost, registryLogin } from "./registry-setting.ts";

const services = z.object({ registry: z.object({ address: z.string() }) });

/** `host:port` of the local registry: as `make up` started it, else where the `registry` container listens. */
export function registryAddress(servicesFile: string): string {
  if (!existsSync(servicesFile)) return "127.0.0.1:5000";
  return services.parse(JSON.parse(readFileSync(servicesFile, "utf8"))).registry.address;
}

/** What it takes to get into a registry. */
export interface RegistryAccess {
  /** undefined leaves it to what `docker login` knows. */
  readonly password: string | undefined;
  /** Certificate authorities of its own, as PEM. */
  readonly ca: string | undefined;
}

/** What the stack and the environment say of getting into a registry: for GHCR, `GITHUB_TOKEN` counts too. */
export function registryAccess(
  setting: RegistrySetting,
  environment: NodeJS.ProcessEnv = process.env,
): RegistryAccess {
  const { variable, ca: file, ...login } = registryLogin(setting);
  const fromEnvironment = variable && environment[variable];
  const password = login.password ?? (fromEnvironment || undefined);
  if (file !== undefined && !existsSync(file)) {
    throw new UserError(
      `registry ${registryHost(setting, "")}`,
      `there is no file ${file}.`,
      "Set ca to a PEM file, by its whole path or from the folder of Pulumi.yaml.",
    );
  }
  return { password, ca: file && readFileSync(file, "utf8") };
}

/** The same, with what this machine adds: where the local registry listens, and the folder that keeps logins. */
export function registryContext(
  { services, logins }: { readonly services: string; readonly logins: string },
  setting: RegistrySetting,
): RegistryAccess & { readonly localAddress: string; readonly logins: string } {
  return { localAddress: registryAddress(services), logins, ...registryAccess(setting) };
}
