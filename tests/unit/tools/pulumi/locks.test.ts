import assert from "node:assert/strict";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { type Asker, refuseHeld, updateLocks } from "../../../../tools/pulumi/locks.ts";
import { recover } from "../../../../tools/pulumi/recover.ts";
import type { Stack } from "../../../../tools/stack/stack.ts";
import { writeFile } from "../../../support/layers.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** As Pulumi's file backend writes it (backend/diy/lock.go). */
const lock = { pid: 7, username: "ann", hostname: "here", timestamp: "2026-11-29T14:00:00.1+01:00" };
const folder = ".pulumi/locks/organization/strata/dev";
const asker: Asker = { host: "here", argumentsOf: () => ["/x/bin/pulumi", "up"] };

function homeWith(t: TestContext, locks: Readonly<Record<string, string>>) {
  const home = homeAt(temporaryFolder(t));
  for (const [name, text] of Object.entries(locks)) {
    writeFile(home.state, `${folder}/${name}.json`, text);
    utimesSync(join(home.state, folder, `${name}.json`), 0, 0);
  }
  return home;
}

/** What is said to the locks of a stack. */
function refusal(t: TestContext, locks: Readonly<Record<string, string>>, more: Partial<Asker> = {}) {
  const home = homeWith(t, locks);
  try {
    refuseHeld("dev", updateLocks(home, { project: "strata", name: "dev" }), { ...asker, ...more });
    return undefined;
  } catch (error) {
    return (error as Error).message.replaceAll(join(home.state, folder), "LOCKS");
  }
}

test("a lock of an update that runs here says whose it is and since when", (t) => {
  assert.equal(
    refusal(t, { a: JSON.stringify(lock) }),
    "stack dev: is being changed by process 7 of ann on this machine, since 2026-11-29T14:00:00.1+01:00: LOCKS/a.json. " +
      "Wait for it, or end it; then run the same command again.",
  );
  assert.equal(refusal(t, { a: JSON.stringify(lock) }, { argumentsOf: () => [] }), undefined, "it is gone");
  assert.equal(refusal(t, {}), undefined);
});

test("a lock of another machine is left alone, and how to clear it is said", (t) => {
  assert.equal(
    refusal(t, { a: JSON.stringify(lock) }, { host: "there", argumentsOf: () => [] }),
    "stack dev: is locked by ann on here, process 7, since 2026-11-29T14:00:00.1+01:00; this machine is there. " +
      "If no update runs there, remove it: rm 'LOCKS/a.json'",
  );
});

test("a lock that is empty, cut off or none says when it was written and where it lies", (t) => {
  for (const text of ["", '{"pid":7,"hostn', "[]", '{"pid":"x"}', "null"])
    assert.equal(
      refusal(t, { a: text }),
      "stack dev: has a lock that does not say whose it is, as it is empty or cut off; written 1970-01-01T00:00:00.000Z. " +
        "If no update runs, remove it: rm 'LOCKS/a.json'",
      text,
    );
});

test("several locks are told together", (t) => {
  const said = refusal(t, { a: "", b: JSON.stringify({ ...lock, hostname: "there" }) });
  assert.match(said ?? "", /rm 'LOCKS\/a\.json'[\s\S]*ann on there[\s\S]*rm 'LOCKS\/b\.json'/);
});

test("where one lock may be held, none is cleared away", async (t) => {
  const gone = JSON.stringify({ ...lock, pid: 2 ** 30, hostname: "elsewhere" });
  const home = homeWith(t, { a: gone, b: "" });
  const stack: Stack = { name: "dev", project: "strata", folder: "/", pulumi: "false", environment: {} };
  await assert.rejects(recover(home, stack), /stack dev/);
  assert.equal(updateLocks(home, stack).length, 2);
});
