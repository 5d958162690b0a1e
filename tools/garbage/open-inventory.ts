import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import type { RegistrySetting } from "../../lib/registry/registry-setting.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { githubClient } from "../program/github-client.ts";
import { localRevisions } from "./local-files.ts";
import { protocolInventory, type StoredImages } from "./stored-images.ts";

/** Days that something stays which nobody needs, where the user says nothing: this clone's registry is nobody else's. */
export function defaultDays(setting: RegistrySetting): number {
  return setting.kind === "local" ? 1 : 30;
}

/** What can be said of a registry of this kind, and done to it. */
export async function openInventory(
  home: Home,
  setting: RegistrySetting,
  transport: Transport,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<StoredImages> {
  switch (setting.kind) {
    // Docker Hub answers 405 to a removal (containers/skopeo#1880), and its own interface refuses access tokens
    // (docker/hub-feedback#2006): what goes is listed, and people remove it on its pages.
    case "docker-hub":
    case "oci":
      return protocolInventory(transport);
    case "local":
      return {
        ...protocolInventory(transport),
        storedAt: ({ repository }) => localRevisions(home, repository),
      };
    case "ghcr": {
      const token = environment.GITHUB_TOKEN;
      if (!token)
        throw new UserError(
          "GITHUB_TOKEN",
          "is not set, and GHCR is cleaned by GitHub's own interface.",
          "Set it to a token with read:packages and delete:packages.",
        );
      const { ghcrInventory } = await import("./ghcr-inventory.ts");
      return ghcrInventory(githubClient({ token, baseUrl: environment.GITHUB_API_URL }));
    }
    case "ecr": {
      // AWS's SDK is only loaded by who uses it.
      const [{ ECRClient }, { ecrInventory }] = await Promise.all([
        import("@aws-sdk/client-ecr"),
        import("./ecr-inventory.ts"),
      ]);
      return ecrInventory(new ECRClient({ region: setting.region, maxAttempts: 6 }));
    }
  }
}
