import type { Home } from "../../home.ts";
import type { HostDescription } from "../../lib/hosts/description.ts";
import { BuilderHost } from "./builder-host.ts";
import { DockerHost } from "./docker-host.ts";
import type { TestHost } from "./test-host.ts";

/** What hosts need beside their description. */
export interface HostAccess {
  readonly home: Home;
  /** Name of the buildx builder. */
  readonly builder: string;
  /** The private key of each host, in their order; null where it has none. */
  readonly keys: readonly (string | null)[];
}

/** The hosts that were described, in their order. */
export async function openTestHosts(
  descriptions: readonly HostDescription[],
  access: HostAccess,
): Promise<TestHost[]> {
  return await Promise.all(
    descriptions.map((description, index) => openHost(description, access, access.keys[index])),
  );
}

async function openHost(
  description: HostDescription,
  { home, builder }: HostAccess,
  key: string | null | undefined,
): Promise<TestHost> {
  switch (description.kind) {
    case "builder":
      return new BuilderHost(home, builder, description);
    case "docker":
      return new DockerHost(description);
    case "aws": {
      // What speaks to machines elsewhere takes longer to load than a test in the builder wants.
      const { Ec2Host } = await import("./aws/ec2-host.ts");
      return new Ec2Host(description);
    }
    case "ssh": {
      const { SshHost } = await import("./ssh-host.ts");
      return new SshHost(description, key ?? undefined);
    }
  }
}
