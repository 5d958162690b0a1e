import { z } from "zod";

const exported = z.object({ raw: z.string().optional().catch(undefined) });
const resourceState = z.object({
  custom: z.boolean().optional(),
  inputs: z
    .object({
      exports: z.array(exported).optional().catch(undefined),
      builder: z
        .object({ name: z.string().optional().catch(undefined) })
        .optional()
        .catch(undefined),
      environment: z
        .object({
          STRATA_TARGET: z.string().optional().catch(undefined),
          STRATA_BUILDER: z.string().optional().catch(undefined),
        })
        .optional()
        .catch(undefined),
    })
    .optional(),
  outputs: z
    .object({ compressedSize: z.number().optional().catch(undefined) })
    .nullish()
    .catch(undefined),
});
const metadata = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string(),
  new: resourceState.nullish(),
  old: resourceState.nullish(),
});

/** What an event says about one resource. */
export type Metadata = z.infer<typeof metadata>;

/** The events of `pulumi up --json` that people are told of, one JSON object a line. */
const engineEvent = z.object({
  resourcePreEvent: z.object({ metadata }).optional(),
  resOutputsEvent: z.object({ metadata }).optional(),
  resOpFailedEvent: z.object({ metadata }).optional(),
  diagnosticEvent: z
    .object({
      urn: z.string().optional(),
      message: z.string(),
      severity: z.string(),
      ephemeral: z.boolean().optional(),
    })
    .optional(),
});
export type EngineEvent = z.infer<typeof engineEvent>;

/** Reads a line of the event stream; undefined for what is none. */
export function parseEvent(line: string): EngineEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return engineEvent.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** The builder of an image, or of a step that is told one. */
export function builderIn(fresh: z.infer<typeof resourceState> | null | undefined): string | undefined {
  return fresh?.inputs?.builder?.name ?? fresh?.inputs?.environment?.STRATA_BUILDER;
}

/** The name that an image is pushed under, out of an export such as `type=registry,name=…,push=true`; a bulk stage's command is told it. */
export function targetOf(fresh: z.infer<typeof resourceState> | null | undefined): string | undefined {
  for (const { raw } of fresh?.inputs?.exports ?? []) {
    const name = raw && /(?:^|,)name=([^,]+)/.exec(raw)?.[1];
    if (name) return name;
  }
  return fresh?.inputs?.environment?.STRATA_TARGET;
}

/** The resource that an event tells the good end of; undefined for other events, and for components. */
export function builtResource({ resOutputsEvent }: EngineEvent): string | undefined {
  const ended = resOutputsEvent?.metadata;
  return (ended?.new ?? ended?.old)?.custom ? nameOf(ended?.urn ?? "") : undefined;
}

/** The last part of `urn:pulumi:dev::project::type::name`. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
