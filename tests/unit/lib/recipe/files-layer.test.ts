import assert from "node:assert/strict";
import { test } from "node:test";
import { filesLayer } from "../../../../lib/recipe/files-layer.ts";

test("files of our own are put into the image as they lie there", () => {
  assert.deepEqual(filesLayer.parents(), ["toolbox"]);
  assert.deepEqual(filesLayer.shared, ["shared/finish.sh"]);
  assert.equal(
    filesLayer.dockerfile(),
    `# The files of rootfs as they lie there.
FROM toolbox AS build
ARG SOURCE_DATE_EPOCH
COPY rootfs /out
COPY finish.sh /
RUN --network=none sh -eu /finish.sh

FROM scratch
COPY --link --from=build /out /
`,
  );
});
