import { parseArgs, styleText } from "node:util";
import { execa } from "execa";
import { z } from "zod";
import { describeCause, type StageChange } from "../lib/difference.ts";
import { tail } from "./exec.ts";
import { home } from "./home.ts";
import { main } from "./main.ts";
import { step } from "./progress.ts";
import { openStack } from "./pulumi/open.ts";
import { planChange } from "./pulumi/plan-change.ts";

/** What is read of `pulumi preview --json`. */
const engineAnswer = z.object({
  steps: z.array(z.object({ op: z.string(), urn: z.string() })).default([]),
  changeSummary: z.record(z.string(), z.number()).default({}),
});

/** `make preview`: what `make up` would do, stage by stage with the cause, and what Pulumi's engine says to it. */
await main(async () => {
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const stack = await openStack(home, values.stack);
  const changes = await planChange(home, stack);
  const answer = await step("Asking Pulumi", () =>
    execa(
      stack.pulumi,
      ["preview", "--json", "--refresh=false", "--non-interactive", "--stack", stack.name],
      {
        cwd: stack.folder,
        env: stack.environment,
        stdin: "ignore",
        reject: false,
      },
    ),
  );
  process.stdout.write(`${render(changes)}\n`);
  if (answer.exitCode !== 0) {
    process.stdout.write(`\n${tail(answer.stderr || answer.stdout, 40)}\n`);
    return 1;
  }
  const { changeSummary, steps } = engineAnswer.parse(JSON.parse(answer.stdout));
  const images = steps.filter(({ op, urn }) => op !== "same" && urn.includes("docker-build:index:Image::"));
  const counts = Object.entries(changeSummary).map(([op, count]) => `${count} ${op}`);
  process.stdout.write(
    `\nPulumi: ${counts.join(", ")}; images: ${images.map(({ urn, op }) => `${urn.split("::").at(-1)} (${op})`).join(", ") || "none"}\n`,
  );
  return 0;
});

/** One line a stage, its causes below it. */
function render(changes: readonly StageChange[]): string {
  const width = Math.max(...changes.map(({ stage }) => stage.length));
  const colours = { create: "green", rebuild: "yellow", unchanged: "gray", remove: "red" } as const;
  return changes
    .flatMap(({ stage, verdict, causes }) => [
      `${stage.padEnd(width)}  ${styleText(colours[verdict], verdict, { stream: process.stdout })}`,
      ...causes.map((cause) => `${" ".repeat(width)}    ${describeCause(cause)}`),
    ])
    .join("\n");
}
