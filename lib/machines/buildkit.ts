/** The BuildKit that strata brings to a machine that has none. */
export const buildkit = {
  version: "0.31.1",
  /** The project publishes no checksums. */
  archive: "https://github.com/moby/buildkit/releases/download/v0.31.1/buildkit-v0.31.1.linux-amd64.tar.gz",
} as const;
