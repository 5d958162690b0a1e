/** The peers' builds: `buildx bake` on strata's own builder, with the cache in the registry that its documentation recommends. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../../errors.ts";
import { cache, type Home } from "../../../home.ts";
import { recallServices } from "../../../tools/services/record.ts";
import { goBuild } from "../../../tools/toolchain/go-build.ts";
import type { Contents } from "./contents.ts";
import type { Peer } from "./peer-files.ts";

const buildxVersion = "0.35.0";
const BUILDER = "strata-bench";

/** A buildx, and where it keeps what it knows. */
export interface Buildx {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** buildx, of its pinned module unless one is `given`, and a builder of its that is strata's builder. */
export async function openBuildx(home: Home, folder: string, given?: string): Promise<Buildx> {
  const build = { module: "buildx", package: "github.com/docker/buildx/cmd/buildx", ldflags: "-s -w" };
  const path = given ?? (await goBuild("buildx", buildxVersion, build, cache)).path;
  const config = join(folder, "buildx");
  mkdirSync(config, { recursive: true });
  const services = await recallServices(home);
  if (services?.builder.kind !== "buildkitd") {
    throw new UserError(
      "bench",
      "the builder is a container of a Docker engine, whose disk and memory are not this machine's to measure.",
      "Run it where no engine is, as CI does.",
    );
  }
  // Files of the bake lie where we have put them: nobody need be asked.
  const environment = { BUILDX_CONFIG: config, DOCKER_CONFIG: home.docker, BUILDX_BAKE_ENTITLEMENTS_FS: "0" };
  const words = ["--name", BUILDER, "--driver", "remote", services.builder.address];
  await execa(path, ["create", ...words], { env: environment });
  return { path, environment };
}

/** Builds and pushes one of the peers. */
export async function bake(
  { path, environment }: Buildx,
  { folder, peer, registry, contents }: { folder: string; peer: Peer; registry: string; contents: Contents },
): Promise<void> {
  const image = `${registry}/peer-${peer}`;
  const exported = "oci-mediatypes=true,compression=zstd,compression-level=3";
  const certificates = join(folder, "../certificates.pem");
  writeFileSync(certificates, contents.certificates ?? "");
  const target = {
    context: folder,
    dockerfile: `Dockerfile.${peer}`,
    contexts: { base: `docker-image://${contents.base}` },
    secret: [`id=ca,src=${certificates}`],
    "cache-from": [`type=registry,ref=${image}:cache`],
    "cache-to": [
      `type=registry,ref=${image}:cache,mode=max,oci-mediatypes=true,image-manifest=true,compression=zstd`,
    ],
    output: [`type=image,name=${image}:latest,push=true,${exported}`],
  };
  const file = join(folder, "../bake.json");
  writeFileSync(file, JSON.stringify({ target: { default: target } }));
  await execa(
    path,
    ["bake", "--builder", BUILDER, "--file", file, "--progress=plain", "--provenance=false"],
    { env: environment, stdin: "ignore", all: true },
  );
}
