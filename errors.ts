/**
 * A mistake in what the user gave us (configuration, a recipe, a layer, a lock file), as opposed to a bug.
 * It is printed without a stack trace.
 */
export class UserError extends Error {
  override name = "UserError";
  /** Where: a configuration key, a file, a layer's name. */
  readonly path: string;
  /** What is wrong, with the value that was found. */
  readonly problem: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(path: string, problem: string, remedy: string) {
    super(`${path}: ${problem}${remedy ? ` ${remedy}` : ""}`);
    this.path = path;
    this.problem = problem;
    this.remedy = remedy;
  }

  /** By this mark Pulumi, too, prints the message alone where its program ends with such an error. */
  get __pulumiRunError(): boolean {
    return true;
  }
}

/** Several mistakes found in one go: all of them are shown, so that one run is enough to mend them. */
export class UserErrors extends UserError {
  override name = "UserErrors";
  readonly errors: readonly UserError[];

  constructor(title: string, errors: readonly UserError[]) {
    super(title, errors.map((error) => `\n  - ${error.message}`).join(""), "");
    this.errors = errors;
  }
}

/** The same mistakes, each said otherwise. */
export function mapErrors(error: UserError, change: (error: UserError) => UserError): UserError {
  return error instanceof UserErrors
    ? new UserErrors(
        error.path,
        error.errors.map((each) => mapErrors(each, change)),
      )
    : change(error);
}

/** Throws one error that holds all `errors`; returns when there is none. */
export function throwAll(title: string, errors: readonly UserError[]): void {
  if (errors.length === 1 && errors[0]) throw errors[0];
  if (errors.length > 1) throw new UserErrors(title, errors);
}

/** What each of `works` gives. Mistakes of the user in any of them are thrown together, when all have run. */
export function together<T extends readonly unknown[]>(
  title: string,
  works: { readonly [index in keyof T]: () => T[index] },
): T {
  const problems: UserError[] = [];
  const results = works.map((work) => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...(error instanceof UserErrors ? error.errors : [error]));
      return undefined;
    }
  });
  throwAll(title, problems);
  return results as unknown as T;
}

/** Loads what needs the package `name`, which is installed only where somebody wants it. */
export async function withPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw error;
    throw new UserError(name, "is not installed, and this stack needs it.", `Run: npm install ${name}`);
  }
}
