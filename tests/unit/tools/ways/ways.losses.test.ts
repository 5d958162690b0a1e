/** What a run does after a loss, with builders that are stand-ins. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { remoteSetting } from "../../../../lib/builders/remote-setting.ts";
import { Unreachable } from "../../../../tools/ways/dial.ts";
import { type Watched, watched } from "../../../../tools/ways/watch.ts";
import { OpenWays } from "../../../../tools/ways/ways.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** A builder that takes no connection; `asked` says how often it was dialled. */
function silent(comesBack?: () => Promise<boolean>): Watched & { asked: () => number } {
  let asked = 0;
  const dial = async () => {
    asked += 1;
    throw new Unreachable("does not answer", "");
  };
  const upstream = watched({ shown: "pod n/b-0", dial, ...(comesBack ? { comesBack } : {}) });
  return Object.assign(upstream, { asked: () => asked });
}

async function waysTo(t: TestContext, upstream: Watched): Promise<OpenWays> {
  const folder = temporaryFolder(t);
  const ways = new OpenWays(homeAt(folder), join(folder, "ways"), false);
  t.after(() => ways.close());
  const tls = { ca: "ca", cert: "cert", key: "key" };
  const setting = remoteSetting.parse({ kind: "remote", address: "tcp://b:1", tls, patience: 40 });
  await ways.openFar({ path: "strata:builder", names: ["strata"], setting }, [upstream]);
  return ways;
}

test("what was gone from the start is no loss: a stage that fails on another builder failed by itself", async (t) => {
  const upstream = silent();
  const ways = await waysTo(t, upstream);
  upstream.gone = "was not there";
  await ways.look();
  assert.deepEqual([ways.losses, upstream.asked()], [[], 0]);
  upstream.gone = undefined;
  await ways.look();
  assert.deepEqual(
    ways.losses.map(({ problem }) => problem),
    ["does not answer"],
  );
});

test("nobody waits for a builder that nothing brings back, and one that may be back is asked again", async (t) => {
  const hanging = silent(async () => false);
  const ways = await waysTo(t, hanging);
  await ways.look();
  const before = hanging.asked();
  assert.equal(await ways.canGoOn(), false);
  assert.equal(hanging.asked(), before + 1);
  const coming = silent(async () => true);
  const others = await waysTo(t, coming);
  await others.look();
  const asked = coming.asked();
  assert.equal(await others.canGoOn(), false);
  assert.equal(coming.asked(), asked + 2);
});
