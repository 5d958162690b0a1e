import { stageDockerfile } from "./dockerfile.ts";
import type { Layer } from "./layer.ts";

/** What every layer has in common that is its folder's `rootfs` as it lies there: code of our own. */
export const filesLayer = {
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh"],
  dockerfile: () =>
    stageDockerfile([
      "# The files of rootfs as they lie there.",
      "FROM toolbox AS build",
      "ARG SOURCE_DATE_EPOCH",
      "COPY rootfs /out",
      "COPY finish.sh /",
      "RUN --network=none sh -eu /finish.sh",
    ]),
} satisfies Partial<Layer>;
