/** The tools by which strangers look at what strata attaches, built from their Go modules: minutes, once. */
import { cache } from "../../../home.ts";
import { goBuild } from "../../../tools/toolchain/go-build.ts";

/** With a go.sum of each in tools/go/. */
const versions = { oras: "1.3.6", cosign: "3.1.3", grype: "0.121.2" } as const;

const builds = {
  oras: { module: "oras", package: "oras.land/oras/cmd/oras", ldflags: "-s -w" },
  // A main of our own around grype's, as a test needs the builder of its databases too.
  grype: { module: "grype", package: ".", ldflags: "-s -w" },
  cosign: {
    module: "cosign",
    package: "github.com/sigstore/cosign/v3/cmd/cosign",
    ldflags: `-s -w -X sigs.k8s.io/release-utils/version.gitVersion=v${versions.cosign}`,
  },
} as const;

/** Where a judge is. */
export async function judge(name: keyof typeof builds): Promise<string> {
  return (await goBuild(name, versions[name], builds[name], cache)).path;
}
