import { z } from "zod";
import type { Home } from "../../home.ts";
import { builderKinds } from "../program/environment.ts";
import { recall } from "../program/files.ts";

/** The file that tells everybody else where the builder and the registry are. */
export const servicesSchema = z.strictObject({
  builder: z.strictObject({
    kind: z.enum(builderKinds),
    /** The buildx builder's name. */
    name: z.string(),
    /** Where buildctl finds it; for a Docker builder, a name that only buildx knows. */
    address: z.string(),
  }),
  registry: z.strictObject({
    kind: z.enum(["process", "docker"]),
    /** `127.0.0.1:PORT`, plain HTTP. */
    address: z.string(),
  }),
  /** Which containers of which engine. */
  docker: z.strictObject({ clone: z.string(), engine: z.string(), endpoint: z.string() }).optional(),
});
export type Services = z.infer<typeof servicesSchema>;

/** The services of the last run, running or not. */
export function recallServices(home: Home): Promise<Services | undefined> {
  return recall(home.services, servicesSchema);
}

export function portOf(address: string | undefined): number | undefined {
  return Number(/:(\d+)$/.exec(address ?? "")?.[1]) || undefined;
}
