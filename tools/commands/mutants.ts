import { parseArgs } from "node:util";
import { pureRooms, tryMutants } from "../mutants/typescript.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/** Of a hundred mutants so many have to be noticed. */
const LEAST_SCORE = 85;

/**
 * `npm run mutants -- --room lib/plan`: breaks the sources of a room in a copy, one place at a time, and says which faults no
 * test notices. Without a room it takes all of lib/ and oci/, which is hours.
 */
await main(async () => {
  const { values } = parseArgs({ options: { room: { type: "string", multiple: true } } });
  let low = false;
  for (const room of values.room ?? pureRooms()) {
    const { killed, survivors, report } = await tryMutants(room);
    const all = killed + survivors.length;
    const score = all === 0 ? 100 : (100 * killed) / all;
    for (const survivor of survivors) note(`  ${survivor}`);
    process.stdout.write(`${room}: ${score.toFixed(1)} % of ${all} mutants were noticed; ${report}\n`);
    low ||= score < LEAST_SCORE;
  }
  return low ? 1 : 0;
});
