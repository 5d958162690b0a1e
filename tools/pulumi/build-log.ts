import { z } from "zod";
import type { Home } from "../../home.ts";
import { findBuilder } from "../builder/find-builder.ts";
import { attempt } from "../program/exec.ts";

/** A record of BuildKit's history, as `buildctl debug histories` prints it. */
const historySchema = z.object({
  record: z.object({
    Ref: z.string(),
    Exporters: z.array(z.object({ Attrs: z.record(z.string(), z.string()).nullish() })).nullish(),
    CompletedAt: z.object({ seconds: z.number(), nanos: z.number().optional() }).nullish(),
    error: z.unknown().optional(),
  }),
});

/** The log of the last failed build of the image `target`, from its builder itself; undefined where it has none. */
export async function builderLog(
  home: Home,
  name: string,
  target: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { buildctl: found } = await findBuilder(home, name, environment);
  if (!found) return undefined;
  const [program, ...address] = found;
  const buildctl = (...args: string[]) =>
    attempt(program, [...address, "debug", ...args], {
      env: environment,
      timeout: 20_000,
    });
  const histories = await buildctl("histories", "--format", "{{json .}}");
  // An answer counts even if buildctl fails after it, which it does on a busy machine (tools/builder/buildctl.ts).
  const ref = lastFailure(histories.stdout, target);
  if (!ref) return undefined;
  const log = await buildctl("logs", ref);
  return log.ok || log.stdout ? log.all : undefined;
}

/** The reference of the latest failed build of `target` among the records, one JSON object a line. */
export function lastFailure(histories: string, target: string): string | undefined {
  const records = histories.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const { record } = historySchema.parse(JSON.parse(line));
    const matches = record.error && record.Exporters?.some(({ Attrs }) => Attrs?.name === target);
    return matches ? [{ ref: record.Ref, at: record.CompletedAt }] : [];
  });
  const time = ({ at }: (typeof records)[number]) => (at?.seconds ?? 0) + (at?.nanos ?? 0) / 1e9;
  return records.toSorted((a, b) => time(b) - time(a))[0]?.ref;
}
