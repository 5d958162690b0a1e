import { z } from "zod";
import { vulnerabilityChangeSchema } from "../vulnerabilities/change-schema.ts";

/** The format of a preview's JSON; raised when a field changes its meaning. */
export const FORMAT = 1;

const text = z.string();
const count = z.int().nonnegative();
const seconds = z.number().nonnegative();

const cause = z.strictObject({
  kind: text.describe(
    "file, argument, package, build package, pin, export, parent; settings: registry, tag, checks",
  ),
  name: text,
  before: text.nullable().describe("null: new"),
  after: text.nullable().describe("null: gone"),
});

const expectation = z.strictObject({
  seconds: seconds.nullable().describe("median of the builds that it rests on; null: there is none"),
  range: z.tuple([seconds, seconds]).nullable().describe("the quickest and the slowest of these builds"),
  bytes: count.nullable().describe("compressed, as pushed"),
  basis: z
    .enum(["built", "manifest", "key", "generation", "recipe", "layer", "none"])
    .describe(
      "built: another stack has it already; manifest: it names layers that are there; key: builds of the same key; else of the same layer in the same recipe and generation, the same recipe, or any recipe",
    ),
  builds: count.describe("how many earlier builds it rests on"),
  sure: z.enum(["high", "medium", "low", "none"]),
});

const stage = z.strictObject({
  name: text,
  role: z.enum(["system", "stage", "build", "product"]).nullable().describe("null: removed"),
  verdict: z.enum(["create", "rebuild", "unchanged", "remove"]),
  key: text.nullable().describe("null: removed"),
  parents: z.array(text),
  causes: z.array(cause),
  atMost: z
    .boolean()
    .describe("only parents changed: if they come out equal, this stage is answered from the cache"),
  sharedWith: z.array(text).describe("other stacks of this preview with the same key"),
  expected: expectation.nullable().describe("null: nothing to build"),
});

const move = z.strictObject({
  name: text,
  before: text.nullable(),
  after: text.nullable(),
});
const linkedMove = move.extend({ link: text.nullable().describe("shows what lies between the two") });

const sum = z.strictObject({
  longest: seconds.describe("along the longest chain of stages that wait for each other"),
  all: seconds.describe("one after the other"),
  bytes: count,
  unknown: z.array(text).describe("stages without history: they are in none of these figures"),
  sure: expectation.shape.sure,
});

const platform = z.strictObject({
  recipe: text,
  generation: text,
  cuda: text,
  computeCapabilities: z.array(text),
  minimumDriver: text,
});

const comparedWith = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("outputs").describe("what the last update of the stack left") }),
  z.strictObject({ kind: z.literal("revision"), revision: text }),
  z.strictObject({ kind: z.literal("nothing"), why: text }),
]);

const evidence = z.strictObject({
  verdict: text,
  digest: text.nullable(),
  passed: count,
  failed: count,
  skipped: count,
  inconclusive: count,
  gpu: text.nullable(),
  driver: text.nullable(),
  at: text.nullable(),
});

const rented = z.strictObject({
  instance: text,
  dollarsPerHour: z.number().nonnegative(),
  minutes: z.number().nonnegative(),
  dollars: z.number().nonnegative(),
});

const expectedTest = z.strictObject({
  due: z
    .boolean()
    .describe("the next update tests: another product, other checks, another kind of host, or nothing known"),
  kind: z.enum(["builder", "docker", "ssh", "aws"]),
  gpu: z.boolean().describe("it is one on a GPU, which has to be there"),
  where: text.describe("the machine or the region"),
  instance: text.nullable().describe("type of the instance that is asked for first; null: not rented as one"),
  spot: z.boolean().describe("a spot instance is tried first"),
  dollarsPerHour: z
    .number()
    .nonnegative()
    .nullable()
    .describe("US dollars, the dearest of the types that are asked for; null: one's own"),
  minutes: z.number().nonnegative().nullable().describe("null: nobody knows"),
  dollars: z.number().nonnegative().nullable(),
  budget: z.number().nonnegative().describe("US dollars that a test may cost"),
  basis: z.enum(["history", "estimate", "none"]),
  runs: count.describe("how many earlier tests the minutes rest on"),
  onEc2: rented
    .nullable()
    .describe("what a test on a GPU would take on EC2, for stacks that are for GPUs and tested without one"),
});

const engine = z.strictObject({
  counts: z.record(text, count).describe("operations by name, as Pulumi's engine counts them"),
  images: z.array(z.strictObject({ name: text, op: text })).describe("images that are not `same`"),
});

const planned = z.strictObject({
  stack: text,
  verdict: z.enum(["unchanged", "changed", "new"]),
  comparedWith,
  platform,
  before: platform.partial().describe("what is known of the platform before"),
  counts: z.strictObject({ create: count, rebuild: count, unchanged: count, remove: count }),
  stages: z.array(stage).describe("parents first; removed ones last"),
  settings: z.array(cause).describe("what changes beside the stages: where images go, tags, smoke checks"),
  expected: sum,
  size: z.strictObject({
    before: count.nullable().describe("the promoted digest's bytes"),
    after: count.nullable().describe("expected; null: a changed stage's size is not known"),
    sure: expectation.shape.sure,
  }),
  trim: z
    .strictObject({
      on: z.boolean(),
      bytes: count.describe("compressed, as measured once for each package"),
      packages: z.array(text),
    })
    .nullable()
    .describe("GPU code for other cards: what strata:trim leaves out, or would; null: nothing to speak of"),
  promoted: z.strictObject({ digest: text, tags: z.array(text) }).nullable(),
  packages: z.array(move),
  nodes: z.array(linkedMove),
  models: z.array(move),
  pins: z.array(move).describe("base images and other sources"),
  evidence: evidence.nullable().describe("what was found about the promoted digest"),
  test: expectedTest.nullable().describe("the smoke test on the first host; null: not known"),
  builder: rented
    .extend({ where: text, spot: z.boolean(), budget: z.number(), stages: z.array(text) })
    .nullable()
    .describe("what is rented for heavy stages, with the dearest type's price; null: nothing"),
  vulnerabilities: vulnerabilityChangeSchema
    .nullable()
    .describe("what the change adds to what is known against the product, and removes; null: not asked"),
  engine: engine.nullable().describe("null: Pulumi's engine was not asked"),
  notes: z.array(text),
});

const failed = z.strictObject({ stack: text, verdict: z.literal("failed"), problem: text });

/** What `npm run preview -- --json` prints; docs/preview-schema.json is the same as JSON Schema. */
export const previewSchema = z
  .strictObject({
    format: z.literal(FORMAT),
    revision: text.nullable().describe("the last commit that changed an input; null outside git"),
    stacks: z.array(z.discriminatedUnion("verdict", [planned, failed])),
    shared: z
      .array(z.strictObject({ stage: text, key: text, stacks: z.array(text) }))
      .describe("stages that several stacks need and that are built once"),
    expected: sum.describe("over all stacks, shared stages once"),
  })
  .describe("What the next update of several strata stacks would do, and why");

export type Preview = z.infer<typeof previewSchema>;
export type StackPreview = Preview["stacks"][number];
export type PlannedStack = z.infer<typeof planned>;
export type StagePreview = z.infer<typeof stage>;
export type Expectation = z.infer<typeof expectation>;
export type Sum = z.infer<typeof sum>;
export type Confidence = Expectation["sure"];
export type VersionMove = z.infer<typeof move>;
export type LinkedVersionMove = z.infer<typeof linkedMove>;
export type Platform = z.infer<typeof platform>;
export type ComparedWith = z.infer<typeof comparedWith>;
export type EvidenceSummary = z.infer<typeof evidence>;
export type ExpectedTest = z.infer<typeof expectedTest>;
export type EngineAnswer = z.infer<typeof engine>;

/** The schema as people and other programs read it. */
export function previewJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(previewSchema, { target: "draft-2020-12" }), null, 2)}\n`;
}
