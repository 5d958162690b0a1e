import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { DOCKER_HUB_KEY } from "../../../../oci/access/credentials.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { temporaryFolder } from "../../support/folder.ts";
import type { Behaviour } from "./behaviour.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "./fake-registry.ts";
import type { KnownRegistry } from "./registries.ts";

/**
 * A fake registry that is asked by the name of the one that it stands for: what our client sends there goes to it. The
 * login is where `docker login` puts it.
 */
export async function openKnown(
  t: TestContext,
  { host, named = host, behaviour }: KnownRegistry,
  more: Behaviour = {},
): Promise<{ registry: FakeRegistry; repository: string; transport: (attempts?: number) => Transport }> {
  const registry = await startFakeRegistry({ ...behaviour, ...more });
  t.after(() => registry[Symbol.asyncDispose]());
  registry.name = host;
  const real = globalThis.fetch;
  t.mock.method(globalThis, "fetch", (input: URL | string, init?: RequestInit) => {
    const url = new URL(input);
    if (url.host === host) Object.assign(url, { protocol: "http:", host: registry.host });
    return real(url, init);
  });
  const { kind, login = "" } = registry.behaviour.access ?? {};
  const entry =
    kind === "identity" ? { identitytoken: login } : { auth: Buffer.from(login).toString("base64") };
  const folder = temporaryFolder(t);
  const key = named === "docker.io" ? DOCKER_HUB_KEY : named;
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [key]: entry } }));
  return {
    registry,
    repository: `${named}/${REPOSITORY}`,
    transport: (attempts = 4) =>
      new Transport({ backoffMs: 1, timeoutMs: 5000, attempts, dockerConfig: folder }),
  };
}
