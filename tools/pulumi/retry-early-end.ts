import { UserError } from "../../errors.ts";
import { note } from "../program/progress.ts";

/** What became of an update that Pulumi ran to its end. */
export interface UpdateResult {
  readonly code: number;
  /** The product that the plan wants, where the stack's outputs have another one or none. */
  readonly missing?: string | undefined;
}

/**
 * Runs an update, and once more where it ended early although Pulumi calls it a success.
 *
 * The SDK takes a lost connection to the engine for the engine's end (UNAVAILABLE, in its runtime/resource.js) and lets
 * the program exit as if all were well; the engine takes that for a program that registered all it wanted. It was seen
 * with stages of half an hour. What was built by then is kept, so going on costs nothing.
 *
 * @throws UserError when it ends early again.
 */
export async function retryEarlyEnd<T extends UpdateResult>(
  stack: string,
  update: () => Promise<T>,
): Promise<T> {
  const first = await update();
  if (first.code !== 0 || first.missing === undefined) return first;
  note(`pulumi: the update ended before ${first.missing} was built; going on with it`);
  const second = await update();
  if (second.code !== 0 || second.missing === undefined) return second;
  throw new UserError(
    stack,
    `the update ended twice before ${second.missing} was built, or its files change all the time.`,
    "What was built is kept: run `make up` again.",
  );
}
