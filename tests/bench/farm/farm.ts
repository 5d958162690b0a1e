/** A day of a team on a farm of builders, event by event: pure, and the same for the same seed. */

/** A stage of some images: what has the same identity is one stage, built once for all. */
export interface FarmStage {
  readonly identity: string;
  /** Its layer's name. */
  readonly name: string;
  /** Identities. */
  readonly parents: readonly string[];
  readonly heavy: boolean;
  readonly seconds: number;
  readonly bytes: number;
}

/** What pull requests change, and how often one does. */
export interface Change {
  readonly what: string;
  readonly share: number;
  /** Of which stages one is changed, by name. */
  readonly stages: readonly string[];
}

export interface FarmDay {
  readonly pulls: number;
  /** Hours in which they arrive. */
  readonly hours: number;
  readonly builders: number;
  readonly seed: number;
}

export interface FarmResult {
  readonly builders: number;
  readonly built: number;
  /** Of all stages of all images of all pull requests, those that nobody had to build. */
  readonly hitRate: number;
  readonly builderHours: number;
  readonly heavyHours: number;
  /** Share of the day in which builders work. */
  readonly used: number;
  readonly pushedBytes: number;
  /** Images that builders fetched to build on. */
  readonly pulledBytes: number;
  /** What the fullest builder holds at the end, if it forgets nothing. */
  readonly fullestBytes: number;
  /** Minutes from a pull request to its last image: half are there by then, and 95 of 100. */
  readonly half: number;
  readonly most: number;
}

interface Job {
  readonly stage: FarmStage;
  readonly arrived: number;
  readonly parents: Job[];
  end?: number;
}

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The stages that a change of those called `name` builds anew: they, and all that is built from them; parents first. */
export function changedBy(stages: readonly FarmStage[], name: string): FarmStage[] {
  const changed = new Set<string>();
  return stages.filter((stage) => {
    const isChanged = stage.name === name || stage.parents.some((parent) => changed.has(parent));
    if (isChanged) changed.add(stage.identity);
    return isChanged;
  });
}

/** @param stages parents before children @param all how many stages the images have, each counted in each image */
export function simulateDay(
  stages: readonly FarmStage[],
  all: number,
  changes: readonly Change[],
  day: FarmDay,
): FarmResult {
  const random = randomFrom(day.seed);
  const pulls = Array.from({ length: day.pulls }, () => random() * day.hours * 3_600)
    .sort((a, b) => a - b)
    .map((arrived) => jobsOf(changedBy(stages, drawn(changes, random)), arrived));
  const jobs = pulls.flat();
  const held = work(jobs, stages, day.builders);
  const waits = pulls
    .map((own) => Math.max(0, ...own.map(({ end = 0, arrived }) => end - arrived)) / 60)
    .sort((a, b) => a - b);
  const seconds = sum(jobs.map(({ stage }) => stage.seconds));
  const last = Math.max(day.hours * 3_600, ...jobs.map(({ end = 0 }) => end));
  return {
    builders: day.builders,
    built: jobs.length,
    hitRate: 1 - jobs.length / (all * day.pulls),
    builderHours: seconds / 3_600,
    heavyHours: sum(jobs.filter(({ stage }) => stage.heavy).map(({ stage }) => stage.seconds)) / 3_600,
    used: seconds / (last * day.builders),
    pushedBytes: sum(jobs.map(({ stage }) => stage.bytes)),
    pulledBytes: held.pulled,
    fullestBytes: Math.max(...held.holds),
    half: waits[Math.floor((waits.length - 1) * 0.5)] ?? 0,
    most: waits[Math.floor((waits.length - 1) * 0.95)] ?? 0,
  };
}

function drawn(changes: readonly Change[], random: () => number): string {
  let left = random() * sum(changes.map(({ share }) => share));
  let names: readonly string[] = [];
  for (const { share, stages } of changes) {
    if (left >= 0) names = stages;
    left -= share;
  }
  return names[Math.floor(random() * names.length)] ?? "";
}

function jobsOf(changed: readonly FarmStage[], arrived: number): Job[] {
  const jobs = new Map<string, Job>();
  for (const stage of changed) {
    const parents = stage.parents.flatMap((parent) => jobs.get(parent) ?? []);
    jobs.set(stage.identity, { stage, arrived, parents });
  }
  return [...jobs.values()];
}

/**
 * Gives each job to the builder that is free first, as it becomes ready; one builds one stage at a time. What a stage is built
 * from has to be fetched where its builder does not hold it; of what was built anew, it holds what it has built itself.
 */
function work(jobs: readonly Job[], stages: readonly FarmStage[], builders: number) {
  const free = Array.from({ length: builders }, () => 0);
  const holds = free.map(() => new Map<string, number>());
  const bytes = new Map(stages.map((stage) => [stage.identity, stage.bytes]));
  let pulled = 0;
  const waiting = new Set(jobs);
  while (waiting.size > 0) {
    const ready = [...waiting].filter(({ parents }) => parents.every(({ end }) => end !== undefined));
    const next = ready.reduce((first, job) => (readyAt(job) < readyAt(first) ? job : first));
    const at = Math.min(...free.map((time) => Math.max(time, readyAt(next))));
    const builder = free.findIndex((time) => Math.max(time, readyAt(next)) === at);
    const store = holds[builder] ?? new Map();
    for (const parent of next.stage.parents) {
      const fresh = next.parents.find(({ stage }) => stage.identity === parent);
      // An image that was built anew is another one in each pull request.
      const image = fresh ? `${parent} ${fresh.arrived}` : parent;
      if (store.has(image)) continue;
      store.set(image, bytes.get(parent) ?? 0);
      pulled += bytes.get(parent) ?? 0;
    }
    store.set(`${next.stage.identity} ${next.arrived}`, next.stage.bytes);
    next.end = at + next.stage.seconds;
    free[builder] = next.end;
    waiting.delete(next);
  }
  return { pulled, holds: holds.map((store) => sum([...store.values()])) };
}

function readyAt({ arrived, parents }: Job): number {
  return Math.max(arrived, ...parents.map(({ end = 0 }) => end));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
