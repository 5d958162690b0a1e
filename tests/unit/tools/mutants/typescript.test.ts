import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { alsoTestedBy, pureRooms } from "../../../../tools/mutants/typescript.ts";

test("tests that are named for a room are there, and so is the room", () => {
  const rooms = pureRooms();
  for (const [room, patterns] of Object.entries(alsoTestedBy)) {
    assert.ok(rooms.includes(room), room);
    for (const pattern of patterns) assert.notDeepEqual(globSync(pattern, { cwd: repository }), [], pattern);
  }
});

test("without a name all rooms of lib/ and oci/ are tried, inner ones on their own", () => {
  const rooms = pureRooms();
  for (const room of ["lib", "lib/plan", "lib/comfyui/workflow", "oci", "oci/access"])
    assert.ok(rooms.includes(room));
  assert.deepEqual(
    rooms.filter((room) => !/^(lib|oci)(\/|$)/.test(room)),
    [],
  );
});
