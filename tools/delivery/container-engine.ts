import { existsSync } from "node:fs";
import { compare } from "compare-versions";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { zstdEngines } from "../../lib/registry/compression.ts";
import { compressionOf } from "../../oci/manifest.ts";
import type { Image } from "../../oci/read/image.ts";
import { attempt, tail } from "../program/exec.ts";
import { isPodmans } from "../services/docker-engine.ts";

const answer = z.object({
  Client: z.object({ Version: z.string() }).nullish(),
  Server: z
    .object({ Version: z.string(), Components: z.array(z.object({ Name: z.string() })).nullish() })
    .nullish(),
});

/** A container engine that answers on this machine. */
export interface ContainerEngineHere {
  /** The program: `docker` may be podman's. */
  readonly program: string;
  readonly kind: "docker" | "podman";
  /** Of the engine, not of its client: `26.1.5`; empty for what is behind Docker's client and is not Docker. */
  readonly version: string;
}

/** The first of `programs` that answers. */
export async function findEngine(
  programs: readonly string[] = ["docker", "podman"],
): Promise<ContainerEngineHere> {
  const problems: string[] = [];
  for (const program of programs) {
    const client = await attempt(program, ["--version"]);
    if (!client.ok) {
      problems.push(`${program} is not there`);
      continue;
    }
    // Behind a link called docker, podman 4.3 says "docker version 4.3.1", and Docker "Docker version 26.1.5".
    const kind = /podman|^docker version /.test(client.stdout) ? "podman" : "docker";
    const asked = await attempt(program, ["version", "--format", "{{json .}}"]);
    if (asked.ok) return { program, kind, version: versionIn(asked.stdout, kind) };
    problems.push(`${program} does not answer: ${tail(asked.all, 1).trim()}`);
  }
  throw new UserError(
    "container engine",
    `${problems.join("; ")}.`,
    "Start Docker, install Docker or podman, or take the image elsewhere: `make export`.",
  );
}

function versionIn(text: string, kind: ContainerEngineHere["kind"]): string {
  const { Client, Server } = answer.parse(JSON.parse(text));
  if (kind === "podman") return Client?.Version ?? "";
  return !Server || isPodmans(Server) ? "" : Server.Version;
}

/** Throws where the engine would pull all of the image, and then speak of a tar header. */
export function refuseOldEngine(
  { kind, version }: ContainerEngineHere,
  { layers }: Pick<Image, "layers">,
): void {
  const number = /^\d+\.\d+(\.\d+)?/.exec(version)?.[0];
  if (kind !== "docker" || number === undefined || !compare(number, zstdEngines.docker, "<")) return;
  if (!layers.some(({ mediaType }) => compressionOf(mediaType) === "zstd")) return;
  throw new UserError(
    `docker ${version}`,
    `cannot read layers packed with zstd: Docker can since ${zstdEngines.docker}.`,
    "Set strata:compression to gzip and build it anew, or load what `npm run export -- --gzip` writes.",
  );
}

/** Whether this machine has an NVIDIA GPU for containers: a card's device, or that of WSL 2. */
export function hasGpu(): boolean {
  return ["/dev/nvidia0", "/dev/dxg"].some((device) => existsSync(device));
}
