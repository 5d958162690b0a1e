import { z } from "zod";
import { REDACTED } from "../redact.ts";

/** A resource as a state has it. */
export interface RecordedResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string | undefined;
  /** Whether a provider made it; the others are components. */
  readonly custom: boolean;
  /** Without what is encrypted. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

const resource = z.object({
  urn: z.string().catch(""),
  type: z.string(),
  parent: z.string().optional().catch(undefined),
  custom: z.boolean().catch(false),
  outputs: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  /** Replaced already, and to be deleted yet. */
  delete: z.boolean().optional().catch(undefined),
});
const deployment = z.object({ resources: z.array(resource).nullish() });
const stateSchema = z.object({
  /** A file of Pulumi's file backend. */
  checkpoint: z.object({ latest: deployment.nullish() }).optional(),
  /** What `pulumi stack export` prints. */
  deployment: deployment.nullish(),
});

/** The resources of a state; none where it has none, or is none. */
export function recordedResources(state: unknown): RecordedResource[] {
  const { checkpoint, deployment } = stateSchema.safeParse(state).data ?? {};
  const { resources } = checkpoint?.latest ?? deployment ?? {};
  return (resources ?? [])
    .filter((each) => !each.delete)
    .map(({ outputs, delete: _, ...rest }) => ({
      ...rest,
      outputs: withoutCiphertext(outputs ?? {}) as Record<string, unknown>,
    }));
}

/** The last part of `urn:pulumi:dev::project::type::name`. */
export function resourceName({ urn }: Pick<RecordedResource, "urn">): string {
  return urn.split("::").slice(3).join("::");
}

/** Pulumi's mark of an encrypted value in a state. */
const secretMark = "4dabf18193072939515e22adb298388d";

/** Nothing is decrypted: what is a secret is nothing that a preview or a summary tells. */
function withoutCiphertext(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCiphertext);
  if (value === null || typeof value !== "object") return value;
  if (secretMark in value) return REDACTED;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutCiphertext(entry)]));
}
