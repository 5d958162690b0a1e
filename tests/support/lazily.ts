/** Makes a value for the first test that asks: what runs while a file of tests is read counts for every mutant. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
