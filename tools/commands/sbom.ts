import { parseArgs } from "node:util";
import prettyBytes from "pretty-bytes";
import { home } from "../../home.ts";
import { unownedFiles } from "../../lib/bill/ownership.ts";
import type { SpdxDocument } from "../../lib/bill/spdx-document.ts";
import { Transport } from "../../oci/access/transport.ts";
import { readFiles } from "../attestation/read-files.ts";
import { storedBill } from "../attestation/stored-bill.ts";
import { byDigest, findImage } from "../delivery/find-image.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";
import { renderLicences } from "./sbom/licence-report.ts";

const HELP = `Usage: npm run sbom -- [reference] [--licences] [--unowned] [--stack NAME]

Prints the bill of materials of an image, SPDX 2.3, as it lies beside the image in its registry.

  --licences    its components by licence instead, as a table: what is copyleft, what may not be passed on freely
  --unowned     reads the image's layers and lists the files that no component of the bill owns; status 1 where there are any
  --stack NAME  whose product, where no reference is given (default: dev)
  --json        lists as JSON`;

/** `npm run sbom`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        licences: { type: "boolean", default: false },
        unowned: { type: "boolean", default: false },
        stack: { type: "string", default: "dev" },
        json: { type: "boolean", default: false },
      },
    });
    const [given, ...more] = positionals;
    if (more.length > 0 || (values.licences && values.unowned)) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const transport = new Transport();
    const reference = byDigest(await findImage(home, { reference: given, stack: values.stack }, transport));
    const bill = await storedBill(reference, transport);
    if (values.unowned) return await showUnowned(reference, bill, values.json, transport);
    process.stdout.write(
      `${values.licences ? renderLicences(bill, values.json) : JSON.stringify(bill, null, 2)}\n`,
    );
    return 0;
  },
  { help: HELP },
);

async function showUnowned(
  reference: string,
  bill: SpdxDocument,
  json: boolean,
  transport: Transport,
): Promise<number> {
  const found = await withProgress("Reading layers", async (say) => {
    let read = 0;
    const onBytes = (count: number) => {
      read += count;
      say(prettyBytes(read));
    };
    return unownedFiles(bill, await readFiles(reference, transport, onBytes));
  });
  if (json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  else for (const path of found.files) process.stdout.write(`/${path}\n`);
  for (const [reason, files] of Object.entries(found.explained)) note(`${files.length} files: ${reason}`);
  note(`${found.files.length} files are no component's`);
  return found.files.length > 0 ? 1 : 0;
}
