/** `npm run bench -- small`: six layers of random numbers, by strata and by one Dockerfile with a registry cache. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { execa } from "execa";
import prettyBytes from "pretty-bytes";
import { UserError } from "../../errors.ts";
import { withProgress } from "../../tools/program/progress.ts";
import { recallServices } from "../../tools/services/record.ts";
import { blobSizes } from "../integration/support/blobs.ts";
import { openTestStack, type TestStack } from "../integration/support/stack.ts";
import { names, oneDockerfile } from "./layers.ts";

interface Measured {
  readonly seconds: number;
  /** Bytes that the registry did not have before. */
  readonly pushed: number;
}

interface Row {
  readonly scenario: string;
  readonly strata: Measured;
  readonly peer: Measured;
  /** How many times longer the peer takes. */
  readonly ratio: number;
}

export async function benchSmall(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
  const stack = await openTestStack("bench");
  try {
    const rows = await measure(stack);
    process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : `${table(rows)}\n`);
  } finally {
    await stack.close();
  }
  return 0;
}

async function measure(stack: TestStack): Promise<Row[]> {
  const peer = await onePeer(stack);
  const edit = (name: (typeof names)[number], value: number) => {
    const seed = 100 * value + names.indexOf(name);
    stack.edit(`${name}/value`, `${seed}\n`);
    peer.edit(name, seed);
  };
  const rows: Row[] = [];
  const compare = async (scenario: string, prepare: () => Promise<void> | void = () => {}) => {
    const alone = async (who: string, work: () => Promise<unknown>) => {
      await prepare();
      return await withProgress(`${scenario}: ${who}`, () => timed(stack, work));
    };
    const one = await alone("one Dockerfile", () => peer.build());
    const ours = await alone("strata", () => stack.up());
    rows.push({ scenario, strata: ours, peer: one, ratio: one.seconds / ours.seconds });
  };
  await stack.init();
  for (const name of names) edit(name, 1);
  await compare("everything, from nothing");
  await compare("nothing changed");
  edit(names[1], 2);
  await compare("the second of six changed");
  edit(names[5], 2);
  await compare("the last of six changed");
  edit(names[1], 3);
  await compare("the second of six, on an empty builder", () => stack.emptyBuilder());
  return rows;
}

async function timed(stack: TestStack, work: () => Promise<unknown>): Promise<Measured> {
  const before = blobSizes(stack.home);
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const pushed = [...blobSizes(stack.home)].filter(([digest]) => !before.has(digest));
  return { seconds, pushed: pushed.reduce((sum, [, bytes]) => sum + bytes, 0) };
}

/** One Dockerfile, built by the same builder with the cache options that its documentation recommends. */
async function onePeer({ home, registry, stack }: TestStack) {
  const folder = join(home.root, "peer");
  const base = stack.environment.STRATA_TEST_BASE ?? "";
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "Dockerfile"), oneDockerfile);
  const services = await recallServices(home);
  const address = services?.builder.kind === "buildkitd" ? services.builder.address : undefined;
  if (!address) {
    throw new UserError(
      "bench",
      "the builder is a container of a Docker engine, which buildctl does not reach.",
      "Run it where no engine is, as CI does.",
    );
  }
  const cache = `type=registry,ref=${registry}/peer:cache`;
  return {
    edit(name: string, value: number) {
      const file = join(folder, name, "value");
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${value}\n`);
    },
    async build() {
      await execa(join(home.bin, "buildctl"), [
        ...["--addr", address],
        ...["build", "--progress=plain", "--frontend", "dockerfile.v0"],
        ...["--local", `context=${folder}`, "--local", `dockerfile=${folder}`],
        ...["--opt", `context:base=docker-image://${base}`],
        ...["--import-cache", cache],
        ...["--export-cache", `${cache},mode=max,oci-mediatypes=true,image-manifest=true,compression=zstd`],
        "--output",
        `type=image,name=${registry}/peer:latest,push=true,oci-mediatypes=true,compression=zstd,compression-level=3`,
      ]);
    },
  };
}

function table(rows: readonly Row[]): string {
  const made = new Table({
    head: ["", "strata", "one Dockerfile", "ratio", "strata pushes", "it pushes"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const { scenario, strata, peer, ratio } of rows) {
    const seconds = ({ seconds: time }: Measured) => `${time.toFixed(1)} s`;
    made.push([
      scenario,
      seconds(strata),
      seconds(peer),
      `${ratio.toFixed(1)} ×`,
      prettyBytes(strata.pushed),
      prettyBytes(peer.pushed),
    ]);
  }
  return made.toString();
}
