import { z } from "zod";

/** What a product runs with and says of itself: all of its configuration that is not its layers'. */
export const productSettingsSchema = z.strictObject({
  /** ISO time that the image bears. */
  created: z.iso.datetime(),
  labels: z.record(z.string(), z.string()),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.int()),
  healthcheck: z.strictObject({
    command: z.array(z.string()),
    intervalSeconds: z.number(),
    timeoutSeconds: z.number(),
    startPeriodSeconds: z.number(),
  }),
  user: z.string(),
  entrypoint: z.array(z.string()),
});
export type ProductSettings = z.infer<typeof productSettingsSchema>;
