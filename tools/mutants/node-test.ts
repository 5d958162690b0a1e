/**
 * What test files get as `node:test` while mutants are tried: their tests are kept instead of run, so that one process
 * can run them again and again. Each run is one of Node's own, with its context.
 */
import * as node from "node:test";

type Work = (context: node.TestContext) => unknown;
type Options = node.TestOptions;

/** A test of a file, in the order in which they stand there. */
export interface KeptTest {
  readonly name: string;
  /** @returns why it failed, if it did; null for a test that is skipped */
  run(): Promise<string | null | undefined>;
}

/** The tests of a file, and what goes before and after all of them. */
export interface KeptFile {
  readonly tests: KeptTest[];
  readonly before: (() => unknown)[];
  readonly after: (() => unknown)[];
}

let file: KeptFile = { tests: [], before: [], after: [] };
let group = "";

/** Imports a test file and returns its tests. */
export async function keepTests(url: string): Promise<KeptFile> {
  file = { tests: [], before: [], after: [] };
  await import(url);
  return file;
}

export function test(name: string, ...rest: [Work] | [Options, Work]): void {
  const [options, work] = rest.length === 1 ? [{}, rest[0]] : rest;
  file.tests.push({ name: `${group}${name}`, run: () => runOnce(name, options, work) });
}

export function describe(name: string, work: () => void): void {
  const outer = group;
  group = `${group}${name} > `;
  work();
  group = outer;
}

export function before(work: () => unknown): void {
  file.before.push(work);
}

export function after(work: () => unknown): void {
  file.after.push(work);
}

async function runOnce(name: string, options: Options, work: Work): Promise<string | null | undefined> {
  if (options.skip) return null;
  let outcome: { failure?: string } = { failure: "did not end" };
  await node.test(name, options, async (context) => {
    try {
      await work(context);
      outcome = {};
    } catch (error) {
      outcome = { failure: String(error) };
    }
  });
  return outcome.failure;
}
