import { z } from "zod";

/** How the program of an update and the command that runs it speak of a builder that is started for it. */

/** Names the socket in the environment of an update that needs such a builder. */
export const RENT_SOCKET = "STRATA_RENT";

/** What the command answers to a description, when the builder is there or none is needed. */
export const rentAnswer = z.strictObject({
  /** Why there is none. */
  problem: z.string().nullable(),
});
export type RentAnswer = z.infer<typeof rentAnswer>;
