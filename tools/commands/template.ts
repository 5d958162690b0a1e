import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { Transport } from "../../oci/access/transport.ts";
import { formatReference } from "../../oci/references.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { type DeliveredImage, findImage } from "../delivery/find-image.ts";
import { shellLine } from "../delivery/run-words.ts";
import { clientWords, type LaunchMode, launchModes, vastTemplate } from "../delivery/vast-template.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const HELP = `Usage: npm run template -- vast [--stack NAME | --reference REFERENCE] [--tag TAG] [--mode MODE] [--disk GB]
                           [--name NAME] [--public]

  --stack NAME           whose product (default: dev): what passed its test
  --reference REFERENCE  another image, of any registry that \`docker login\` opens
  --tag TAG              name the image by a tag of its repository, which has to point at this digest now
  --mode MODE            jupyter (default: with the platform's own Jupyter, and SSH), ssh, or args
  --disk GB              of an instance, beside the image (default: 60)
  --name NAME            of the template (default: the image's title)
  --public               for everybody, instead of for you alone

Prints the template of a rental platform as JSON, bound to the image's digest, and the words for the platform's own client.
Nothing is sent.`;

/** `make template ARGS=vast`: what a platform makes instances of the product from. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        stack: { type: "string", default: "dev" },
        reference: { type: "string" },
        tag: { type: "string" },
        mode: { type: "string", default: "jupyter" },
        disk: { type: "string", default: "60" },
        name: { type: "string" },
        public: { type: "boolean", default: false },
      },
    });
    refusePlatform(positionals);
    const mode = modeNamed(values.mode);
    const transport = new Transport();
    const found = await findImage(home, values, transport);
    await refuseOtherTag(found, values.tag, transport);
    const template = vastTemplate({
      reference: found.reference,
      digest: found.image.digest,
      tag: values.tag,
      config: found.image.config,
      mode,
      disk: Number(values.disk),
      name: values.name,
      isPublic: values.public,
    });
    process.stdout.write(`${JSON.stringify(template, null, 2)}\n`);
    note(shellLine(clientWords(template)));
    return 0;
  },
  { help: HELP },
);

function refusePlatform(names: readonly string[]): void {
  const [name, ...more] = names;
  if (name === "vast" && more.length === 0) return;
  throw new UserError(
    names.join(" ") || "template",
    "expected the name of one platform: vast.",
    "Use: npm run template -- vast",
  );
}

function modeNamed(text: string): LaunchMode {
  const mode = launchModes.find((each) => each === text);
  if (mode) return mode;
  throw new UserError(
    "--mode",
    `expected one of ${launchModes.join(", ")}, got "${text}".`,
    didYouMean(text, launchModes),
  );
}

/** A tag that points elsewhere would start another image than the one that was tested. */
async function refuseOtherTag(
  { reference, image }: DeliveredImage,
  tag: string | undefined,
  transport: Transport,
): Promise<void> {
  if (tag === undefined) return;
  const { registry, repository } = reference;
  const tagged = formatReference({ registry, repository, tag });
  const digest = await digestOfTag(tagged, transport);
  if (digest === image.digest) return;
  throw new UserError(
    tagged,
    digest === undefined ? "is not there." : `points at ${digest}, not at ${image.digest}.`,
    "Name a tag that only this digest has, or leave --tag out.",
  );
}
