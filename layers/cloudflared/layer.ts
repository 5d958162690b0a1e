import { filePurl } from "../../lib/bill/purl.ts";
import { addFile, runInstruction, stageDockerfile } from "../../lib/recipe/dockerfile.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** The client of Cloudflare's tunnels, as its maker releases it: one file, which nothing here compiles. */
export const cloudflared: Layer = {
  name: "cloudflared",
  summary: "the client of Cloudflare's tunnels; nothing else knows its version",
  included: (context) => context.cloudflared !== undefined,
  lacks: (context) =>
    context.cloudflared === undefined
      ? ["no cloudflared, so the portal opens no tunnels: strata:cloudflared says so; without it there is."]
      : [],
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh"],
  args: ({ cloudflared: release }) => ({ VERSION: release?.version ?? "" }),
  pins: ({ cloudflared: release }) => ({
    cloudflared: release ? `${release.version} ${release.sha256}` : "",
  }),
  components: ({ cloudflared: release }) =>
    release
      ? [
          {
            kind: "file",
            name: "cloudflared",
            version: release.version,
            purl: filePurl("cloudflared", release.url, release.sha256),
            hashes: [`sha256:${release.sha256}`],
            licence: "Apache-2.0",
            paths: ["/opt/instance-tools/bin/cloudflared", "/usr/share/doc/cloudflared"],
          },
        ]
      : [],
  dockerfile: (_, { cloudflared: release }) =>
    stageDockerfile([
      "# A released file, which BuildKit fetches and checks.",
      "FROM scratch AS release",
      ...(release ? [addFile(release, "cloudflared")] : []),
      "",
      "FROM toolbox AS build",
      "ARG SOURCE_DATE_EPOCH",
      "ARG VERSION",
      runInstruction(
        [
          "--network=none",
          "--mount=type=bind,target=/context",
          "--mount=type=bind,from=release,target=/release",
        ],
        "sh -eu /context/build.sh",
      ),
    ]),
};
