import type { Behaviour } from "./behaviour.ts";

/** A registry that is out there. */
export interface KnownRegistry {
  /** Where it is asked. */
  readonly host: string;
  /** As images there are named, where that is another. */
  readonly named?: string;
  readonly behaviour: Behaviour;
  /** Whether an upload that broke off goes on where it was. */
  readonly resumes: boolean;
}

const LOGIN = "ada:love:lace";

/** Each with what its threads, its source or its maker says of it; docs/registries.md has the same as a table. */
export const registries: Readonly<Record<string, KnownRegistry>> = {
  Distribution: {
    host: "registry.example.com:5000",
    // Its own: absolute places and pages, no referrers (distribution#4828 is open).
    behaviour: {
      location: "absolute",
      pages: { size: 2, link: "path" },
      access: { kind: "token", login: LOGIN },
    },
    resumes: true,
  },
  ECR: {
    host: "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    behaviour: {
      // openai/tart#273
      pieceStatus: 201,
      // aws/containers-roadmap#2831, as its author put it right; apple/containerization#790 has the 416.
      laterPieces: "unsaid",
      // dotnet/sdk#33019
      hidesUploads: true,
      // sigstore/sigstore-js#1183
      referrers: "listed",
      blobsElsewhere: true,
      access: { kind: "basic", login: `AWS:${LOGIN}` },
    },
    resumes: false,
  },
  GHCR: {
    host: "ghcr.io",
    behaviour: {
      // artifacthub/hub#4785; dataaxiom/ghcr-cleanup-action#13: no OCI-Subject either.
      referrers: "elsewhere",
      // ocx-sh/ocx#237: 4 MiB there, for pieces that name their range alone.
      largestPiece: 1000,
      blobsElsewhere: true,
      limitEvery: 7,
      access: { kind: "token", login: LOGIN },
    },
    resumes: false,
  },
  "Docker Hub": {
    host: "registry-1.docker.io",
    named: "docker.io",
    behaviour: {
      // docker/getting-started#101 has its headers.
      limitEvery: 6,
      blobsElsewhere: true,
      // GoogleContainerTools/jib#691: tokens of 300 s. docker/roadmap#724: no referrers.
      access: { kind: "token", login: LOGIN, uses: 9, busy: [503, 429] },
    },
    resumes: true,
  },
  Artifactory: {
    host: "acme.jfrog.io",
    behaviour: {
      // google/go-containerregistry#1691
      absentStatus: 403,
      // oras-project/oras#2047
      referrers: "listed",
      location: "other-name",
      access: { kind: "token", login: LOGIN },
    },
    resumes: true,
  },
  Harbor: {
    host: "harbor.example.com",
    behaviour: {
      // dotnet/sdk#33019: whoever keeps its cookies is refused.
      sessions: true,
      referrers: "listed",
      pages: { size: 2, link: "path" },
      access: { kind: "token", login: `robot$strata:${LOGIN}` },
    },
    resumes: true,
  },
  GitLab: {
    host: "registry.gitlab.com",
    behaviour: {
      // oras-project/oras-go#1396
      aliasesDigests: true,
      location: "absolute",
      // moby/moby#33558: tokens of 5 minutes.
      access: { kind: "token", login: LOGIN, uses: 6 },
    },
    resumes: true,
  },
  Quay: {
    host: "quay.io",
    // opencontainers/distribution-spec#563: no OCI-Subject; quay/quay#3047: the interface.
    behaviour: {
      referrers: "unsaid",
      pages: { size: 3, link: "path" },
      access: { kind: "token", login: `acme+robot:${LOGIN}` },
    },
    resumes: true,
  },
  ACR: {
    host: "acme.azurecr.io",
    behaviour: {
      // Azure/acr#389: a list comes in pages (of 100).
      pages: { size: 2, link: "query" },
      referrers: "listed",
      blobsElsewhere: true,
      // Azure/acr#389: a login is a refresh token, exchanged by POST.
      access: { kind: "identity", login: "refresh-token" },
    },
    resumes: true,
  },
  "Google Artifact Registry": {
    host: "europe-docker.pkg.dev",
    behaviour: {
      // dotnet/sdk-container-builds#287 quotes it: no chunked uploads.
      largestPiece: 0,
      location: "outside",
      // actions/attest-build-provenance#80: no referrers.
      access: { kind: "token", login: `oauth2accesstoken:${LOGIN}` },
    },
    resumes: false,
  },
  IBM: {
    host: "de.icr.io",
    // devcontainers/cli#945
    behaviour: { access: { kind: "token", login: LOGIN, tooSmall: { status: 403 } } },
    resumes: true,
  },
  GCR: {
    host: "gcr.io",
    // containerd/containerd#1318
    behaviour: { access: { kind: "token", login: LOGIN, tooSmall: { status: 403, names: "nothing" } } },
    resumes: true,
  },
};
