import { addFile, runInstruction, stageDockerfile, stageMounts } from "./dockerfile.ts";
import { type PinnedWheel, wheelFile } from "./kernels.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** What installs the wheels of a stage. */
export const installCommand = "sh -eu /context/install-wheels.sh";

/** What every layer made of Python wheels has in common: the scripts that its Dockerfile runs. */
export const wheelLayer = {
  parents: () => ["toolbox"],
  shared: [
    "shared/install-wheels.sh",
    "shared/write_aliases.py",
    "shared/trust.sh",
    "shared/compile-python.sh",
    "shared/verify-in-place.sh",
    "shared/finish.sh",
  ],
  args: ({ python }: LayerContext) => ({ PYTHON: python }),
  dockerfile: (parents: readonly string[]) => wheelsDockerfile(parents),
} satisfies Partial<Layer>;

/**
 * Installs one stage's share of the Python lock, and nothing else: no dependency is resolved here, every file must
 * match its hash, and only the files of these wheels end up in the stage.
 *
 * @param parents stages that are mounted: wheels built from source, and what a verification loads beside its own files
 * @param args further build arguments that the verification reads
 * @param pinned wheels that the stack brings; BuildKit fetches and checks them
 */
export function wheelsDockerfile(
  parents: readonly string[],
  args: readonly string[] = [],
  pinned: readonly PinnedWheel[] = [],
): string {
  const files = pinned.map((wheel) => addFile(wheel, wheelFile(wheel)));
  const mounts = [
    "--mount=type=secret,id=ca",
    "--mount=type=bind,target=/context",
    ...stageMounts(parents),
    ...(files.length > 0 ? ["--mount=type=bind,from=pinned,target=/wheels/pinned"] : []),
  ];
  return stageDockerfile([
    "# This stage's share of the Python lock.",
    ...(files.length > 0 ? ["FROM scratch AS pinned", ...files, ""] : []),
    "FROM toolbox AS build",
    ...["SOURCE_DATE_EPOCH", "PYTHON", ...args].map((arg) => `ARG ${arg}`),
    runInstruction(mounts, installCommand),
  ]);
}
