import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorOf, digestOf } from "../../../oci/blob-digest.ts";

const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

test("bytes are named by their SHA-256, with the type and size that they have", () => {
  const bytes = Buffer.from("{}");
  assert.equal(digestOf(bytes), digest);
  assert.deepEqual(descriptorOf({ mediaType: "m", bytes }), { mediaType: "m", digest, size: 2 });
});
