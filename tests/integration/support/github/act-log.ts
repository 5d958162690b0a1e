import type { ActResult } from "./act.ts";

interface LogLine {
  readonly msg?: string;
  readonly jobID?: string;
  readonly step?: string;
  readonly stage?: string;
  readonly stepResult?: string;
  readonly jobResult?: string;
  readonly command?: string;
  readonly content?: string;
}

/** What act's log, a JSON object a line, says of jobs and steps. */
export function readLog(stdout: string): Omit<ActResult, "ok"> {
  const jobs: Record<string, string> = {};
  const failures: string[] = [];
  const summaries: string[] = [];
  const output: string[] = [];
  for (const line of stdout.split("\n")) {
    const { msg = "", jobID = "", step = "", stepResult, jobResult, command, content = "" } = parsed(line);
    output.push(msg.trimEnd());
    if (command === "summary") summaries.push(content);
    if (stepResult === "failure") failures.push(`${jobID}: ${step}`);
    if (jobResult && jobs[jobID] !== "failure") jobs[jobID] = jobResult;
  }
  return { jobs, failures, summary: summaries.join("\n"), output: output.join("\n") };
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line);
  } catch {
    return { msg: line };
  }
}
