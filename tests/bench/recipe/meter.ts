/** What a build costs beside its time: bytes pushed and pulled, what the registry and the disk hold, memory. */
import { readdirSync, readFileSync } from "node:fs";
import { execa } from "execa";
import type { Home } from "../../../home.ts";
import { commandLine } from "../../../tools/program/processes.ts";
import { blobSizes } from "../../integration/support/blobs.ts";
import { busySeconds } from "../machine.ts";

export interface Costs {
  readonly seconds: number;
  /** Of that, what a test took: a peer makes none. */
  readonly testSeconds: number;
  /** Processor time of the whole machine. */
  readonly processorSeconds: number;
  /** Bytes that the registry did not have before. */
  readonly pushed: number;
  /** Bytes that the registry gave out, up to what it wrote beside: answers without a body. */
  readonly pulled: number;
  /** Bytes in the registry afterwards, of who builds alone. */
  readonly stored: number;
  /** Bytes on the builder's disk afterwards. */
  readonly disk: number;
  /** The most that builder, registry and their clients held at once, sampled. */
  readonly memory: number;
}

const SAMPLE_MS = 1_000;

/**
 * Measures `work` on the services of `home`; `work` returns the seconds of its test.
 *
 * @param storedBefore bytes in the registry that are somebody else's
 */
export async function measured(
  home: Home,
  storedBefore: number,
  work: () => Promise<number>,
): Promise<Costs> {
  const before = blobSizes(home);
  const [wrote, busy, began] = [registryWrites(home), busySeconds(), performance.now()];
  let memory = 0;
  const sampler = setInterval(() => {
    memory = Math.max(memory, memoryOf(home));
  }, SAMPLE_MS);
  try {
    const testSeconds = await work();
    const seconds = (performance.now() - began) / 1000;
    const processorSeconds = busySeconds() - busy;
    const after = blobSizes(home);
    const pushed = sum([...after].filter(([digest]) => !before.has(digest)).map(([, bytes]) => bytes));
    return {
      seconds,
      testSeconds,
      processorSeconds,
      pushed,
      // It writes what it is sent to its disk, and what it is asked for to the network.
      pulled: Math.max(0, registryWrites(home) - wrote - pushed),
      stored: sum([...after.values()]) - storedBefore,
      disk: await diskOf(home),
      memory: Math.max(memory, memoryOf(home)),
    };
  } finally {
    clearInterval(sampler);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Bytes of all blobs in the registry. */
export function storedBytes(home: Home): number {
  return sum([...blobSizes(home).values()]);
}

async function diskOf({ buildkit }: Home): Promise<number> {
  // Files come and go while the builder clears up.
  const { stdout } = await execa("du", ["-sk", buildkit], { reject: false });
  return Number.parseInt(stdout, 10) * 1024 || 0;
}

/** Bytes that the registry's process has written since it began, to files and to the network. */
function registryWrites(home: Home): number {
  const pid = processes().find((each) => {
    const [program = "", ...words] = commandLine(each);
    return program.endsWith("/registry") && words.some((word) => word.startsWith(home.root));
  });
  if (pid === undefined) return 0;
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);
}

/** Resident bytes of all processes that have the home in their command line, and of all below them. */
function memoryOf(home: Home): number {
  const parents = new Map<number, number>();
  const resident = new Map<number, number>();
  const family = new Set<number>();
  for (const pid of processes()) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(pid, Number(fields[1]));
      resident.set(pid, Number(fields[21]) * 4096);
      if (commandLine(pid).some((word) => word.includes(home.root))) family.add(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  for (let grew = true; grew; ) {
    const children = [...parents].filter(([pid, parent]) => family.has(parent) && !family.has(pid));
    for (const [pid] of children) family.add(pid);
    grew = children.length > 0;
  }
  return sum([...family].map((pid) => resident.get(pid) ?? 0));
}

function processes(): number[] {
  return readdirSync("/proc").map(Number).filter(Boolean);
}
