import { readFileSync } from "node:fs";
import { availableParallelism, loadavg, totalmem } from "node:os";

/** Where something was measured: times mean nothing without it. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  /** Processes that wanted a core in the last minute, this bench's own among them. */
  readonly load: number;
  readonly at: string;
}

/** This machine now. */
export function thisMachine(): Machine {
  const model = /^model name\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
  return {
    cores: availableParallelism(),
    processor: model,
    memoryBytes: totalmem(),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    at: new Date().toISOString(),
  };
}

/** Processor time that the machine spent on everybody, in seconds since it was started. */
export function busySeconds(): number {
  const [, user = 0, nice = 0, system = 0] = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "")
    .split(/\s+/)
    .map(Number);
  return (user + nice + system) / 100;
}

/** One line for a report. */
export function machineLine({ cores, processor, memoryBytes, load, at }: Machine): string {
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return `${cores} cores (${processor}), ${memory}, load ${load} when it began, ${at.slice(0, 16)}Z.`;
}
