import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import { registryAccess, registryAddress } from "../../lib/registry/access.ts";
import {
  imageRepository,
  type RegistrySetting,
  registryHost,
  registryLogin,
} from "../../lib/registry/registry-setting.ts";
import { keepAuthority, keepLogin } from "../../oci/access/logins.ts";

/**
 * Makes ready what a program needs to get into a stack's registries without Pulumi: their authorities, and for GHCR the
 * token of the environment. A password of the stack is encrypted, and was kept by its last update.
 *
 * @returns the repositories, the stack's own first
 */
export async function prepareRegistries(home: Home, config: Pick<Config, "registry" | "copies">) {
  const prepare = async (setting: RegistrySetting) => {
    const address = registryHost(setting, registryAddress(home.services));
    const { username, password: encrypted } = registryLogin(setting);
    const { password, ca } = registryAccess(setting);
    await keepAuthority(home.logins, address, ca);
    if (username !== undefined && password !== undefined && encrypted === undefined) {
      await keepLogin(home.logins, address, { address, username, password });
    }
    return imageRepository(setting, registryAddress(home.services));
  };
  const { registry, copies } = config;
  return await Promise.all([registry, ...copies].map(prepare));
}
