import { parseArgs } from "node:util";
import { mutatePython } from "../mutants/python.ts";
import { pureRooms, tryMutants } from "../mutants/typescript.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/** Of a hundred mutants so many have to be noticed. */
const LEAST_SCORE = 85;

const HELP = `Usage: npm run mutants -- [--room FOLDER]... [--python SUBJECT]...

  --room FOLDER     of lib/, oci or another folder of TypeScript; all of lib/ and oci/ without one, which is hours
  --python SUBJECT  the Python programs of one subject of tools/mutants/python-subjects.ts, or of "all"

Breaks the sources in a copy, one place at a time, and lists the faults that no test notices.
Exit status: 0 at least ${LEAST_SCORE} of a hundred were noticed, 1 fewer.`;

/**
 * `npm run mutants -- --room lib/plan`: breaks the sources of a room in a copy, one place at a time, and says which faults no
 * test notices. Without a room it takes all of lib/ and oci/, which is hours.
 */
await main(
  async () => {
    const { values } = parseArgs({
      options: { room: { type: "string", multiple: true }, python: { type: "string", multiple: true } },
    });
    const scores = [
      ...(values.python ? await pythonScores(values.python) : []),
      ...(values.room || !values.python ? await roomScores(values.room ?? pureRooms()) : []),
    ];
    return scores.some((score) => score < LEAST_SCORE) ? 1 : 0;
  },
  { help: HELP },
);

async function roomScores(rooms: readonly string[]): Promise<number[]> {
  const scores: number[] = [];
  for (const room of rooms) {
    const { killed, survivors, report } = await tryMutants(room);
    scores.push(printScore(room, killed, killed + survivors.length, survivors));
    note(`  every place: ${report}`);
  }
  return scores;
}

async function pythonScores(subjects: readonly string[]): Promise<number[]> {
  const results = await mutatePython(subjects.includes("all") ? [] : subjects);
  return results.map(({ subject, killed, survivors }) =>
    printScore(subject, killed, killed + survivors.length, survivors),
  );
}

/** Prints how many of all mutants were noticed, of a hundred, and what was not. */
function printScore(name: string, killed: number, all: number, survivors: readonly string[]): number {
  const score = all === 0 ? 100 : (100 * killed) / all;
  for (const survivor of survivors) note(`  ${survivor}`);
  process.stdout.write(`${name}: ${score.toFixed(1)} % of ${all} mutants were noticed\n`);
  return score;
}
