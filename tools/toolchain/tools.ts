import { buildkit as ourBuildkit } from "../../lib/machines/buildkit.ts";

/** Every program that strata calls, Node and what lint-requirements.txt has aside. */
export const toolNames = [
  "pulumi",
  "pulumi-language-nodejs",
  "pulumi-resource-docker-build",
  "pulumi-resource-command",
  "buildkitd",
  "buildctl",
  "registry",
  "runc",
  "mmdebstrap",
  "actionlint",
  "session-manager-plugin",
] as const;
export type ToolName = (typeof toolNames)[number];

/** A release archive: `file` is the program's path inside it. */
export interface Release {
  readonly url: string;
  /** A published file with lines `<sha256>  <archive>`. Not every project publishes one. */
  readonly checksums?: string;
  readonly file: string;
}

/** A package built from a module that is pinned, with its go.sum, under `tools/go/<module>`. */
export interface GoBuild {
  readonly module: string;
  readonly package: string;
  readonly ldflags: string;
  /** Build tags; others' builds keep their name in the cache without any. */
  readonly tags?: string;
  /** The module's version, where it is not the tool's. */
  readonly version?: string;
}

export interface Tool {
  /** The version that strata brings. */
  readonly version: string;
  /** Other versions that will do when they are there already, `>=3.200 <4.0`, and how to ask for the version. */
  readonly accepts?: { readonly range: string; readonly ask: readonly string[] };
  /** A Pulumi plugin, by its kind and the name that `pulumi plugin install <kind>` takes. */
  readonly plugin?: { readonly kind: "resource" | "language"; readonly name: string };
  readonly release?: Release;
  readonly go?: GoBuild;
  /** The Debian and Ubuntu package. */
  readonly debian?: string;
  /** A provider of this clone, written in TypeScript, that stands in where nothing else can be had. */
  readonly script?: string;
}

const releases = "https://github.com";

const pulumi = "3.259.0";
const pulumiRelease = `${releases}/pulumi/pulumi/releases/download/v${pulumi}`;
const pulumiArchive = {
  url: `${pulumiRelease}/pulumi-v${pulumi}-linux-x64.tar.gz`,
  checksums: `${pulumiRelease}/pulumi-${pulumi}-checksums.txt`,
};

const { version: buildkit, archive: buildkitArchive } = ourBuildkit;
const buildkitVersion = `-s -w -X github.com/moby/buildkit/version.Version=v${buildkit}`;

const registry = "3.1.2";
const registryArchive = `${releases}/distribution/distribution/releases/download/v${registry}/registry_${registry}_linux_amd64.tar.gz`;

const actionlint = "1.7.12";
const actionlintRelease = `${releases}/rhysd/actionlint/releases/download/v${actionlint}`;

/** The image of the same BuildKit, for machines with a Docker engine. */
export const buildkitImage = `moby/buildkit:v${buildkit}`;
/** The image of the same registry. */
export const registryImage = "registry:3";

/**
 * Where each tool comes from. The versions were built and run together; `tools/go/` pins their modules. What is on
 * PATH is taken within `accepts`, then the release, then the Go module, then the Debian package.
 */
export const tools: { readonly [name in ToolName]: Tool } = {
  pulumi: {
    version: pulumi,
    accepts: { range: ">=3.200 <4.0", ask: ["version"] },
    release: { ...pulumiArchive, file: "pulumi/pulumi" },
    go: {
      module: "pulumi",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      ldflags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${pulumi}`,
    },
  },
  // Its last release as a Go module is 3.68.0; the release archive carries the CLI's own version.
  "pulumi-language-nodejs": {
    version: pulumi,
    plugin: { kind: "language", name: "nodejs" },
    release: { ...pulumiArchive, file: "pulumi/pulumi-language-nodejs" },
    go: {
      module: "language-nodejs",
      package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      ldflags: "-s -w",
      version: "3.68.0",
    },
  },
  "pulumi-resource-docker-build": {
    version: "0.0.22",
    plugin: { kind: "resource", name: "docker-build" },
    go: {
      module: "docker-build",
      package: "github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",
      ldflags: "-s -w -X github.com/pulumi/pulumi-docker-build/provider.Version=0.0.22",
    },
  },
  // Its module is not in the Go proxy under this version.
  "pulumi-resource-command": {
    version: "1.2.1",
    plugin: { kind: "resource", name: "command" },
    script: "tools/command-provider/serve.ts",
  },
  buildkitd: {
    version: buildkit,
    accepts: { range: ">=0.25 <1.0", ask: ["--version"] },
    release: { url: buildkitArchive, file: "bin/buildkitd" },
    go: {
      module: "buildkit",
      package: "github.com/moby/buildkit/cmd/buildkitd",
      ldflags: buildkitVersion,
      // Its Dockerfiles know `RUN --device`, which is without a tag from 0.34 on (docs/adr/0071-a-gpu-in-the-builder.md).
      tags: "dfrundevice",
    },
  },
  buildctl: {
    version: buildkit,
    accepts: { range: ">=0.25 <1.0", ask: ["--version"] },
    release: { url: buildkitArchive, file: "bin/buildctl" },
    go: {
      module: "buildkit",
      package: "github.com/moby/buildkit/cmd/buildctl",
      ldflags: buildkitVersion,
    },
  },
  // Debian's docker-registry is 2.8, which has another configuration and is not called `registry`.
  registry: {
    version: registry,
    accepts: { range: ">=3.0 <4.0", ask: ["--version"] },
    release: { url: registryArchive, checksums: `${registryArchive}.sha256`, file: "registry" },
    go: {
      module: "registry",
      package: "github.com/distribution/distribution/v3/cmd/registry",
      ldflags: `-s -w -X github.com/distribution/distribution/v3/version.version=v${registry}`,
    },
  },
  runc: {
    version: "1.1",
    accepts: { range: ">=1.1 <2.0", ask: ["--version"] },
    debian: "runc",
  },
  mmdebstrap: {
    version: "1.0",
    accepts: { range: ">=1.0 <2.0", ask: ["--version"] },
    debian: "mmdebstrap",
  },
  // AWS's own; its packages carry no hashes that could be checked. The first version that is told of a session by its environment.
  "session-manager-plugin": {
    version: "1.3.0",
    accepts: { range: ">=1.2.497 <2.0", ask: ["--version"] },
    go: {
      module: "session-manager-plugin",
      package: "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main",
      ldflags: "-s -w",
    },
  },
  // Its packages in other registries fetch the program while they are installed.
  actionlint: {
    version: actionlint,
    accepts: { range: ">=1.7.12 <2.0", ask: ["-version"] },
    release: {
      url: `${actionlintRelease}/actionlint_${actionlint}_linux_amd64.tar.gz`,
      checksums: `${actionlintRelease}/actionlint_${actionlint}_checksums.txt`,
      file: "actionlint",
    },
    go: {
      module: "actionlint",
      package: "github.com/rhysd/actionlint/cmd/actionlint",
      ldflags: `-s -w -X github.com/rhysd/actionlint.version=${actionlint}`,
    },
  },
};
