import assert from "node:assert/strict";
import { test } from "node:test";
import { mountsBelow } from "../../../../tools/program/mounts.ts";

test("mounts below a folder are found, the last first, and no neighbour's", () => {
  const mounts = [
    "overlay / overlay rw 0 0",
    "overlay /h/buildkit/executor/a/rootfs overlay rw 0 0",
    "proc /h/buildkit/executor/a/rootfs/proc proc rw 0 0",
    "overlay /h/buildkit-other/rootfs overlay rw 0 0",
    "tmpfs /h/buildkit/with\\040blank tmpfs rw 0 0",
    "",
  ].join("\n");
  assert.deepEqual(mountsBelow("/h/buildkit", mounts), [
    "/h/buildkit/with blank",
    "/h/buildkit/executor/a/rootfs/proc",
    "/h/buildkit/executor/a/rootfs",
  ]);
});
