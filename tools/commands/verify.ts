import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home, projectFolder } from "../../home.ts";
import { verifyingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { predicateNames, predicateTypes } from "../../lib/attestation/statement.ts";
import { trustedKeys } from "../../lib/attestation/trust-setting.ts";
import { Transport } from "../../oci/access/transport.ts";
import { byDigest, findImage } from "../delivery/find-image.ts";
import { main } from "../program/main.ts";
import { type StoredStatements, storedStatements } from "../promotion/stored-statements.ts";
import { namedStackConfig } from "../stack/checkout-plan.ts";

const HELP = `Usage: npm run verify -- [reference] [--key FILE] [--stack NAME]

Says what a stranger can check of an image: which of its bill of materials, provenance and test result are signed by a
trusted key, and which bundles beside it are not; then the commands of cosign that check the same.

  --key FILE    the public key (default: those of the stack's strata:trust)
  --stack NAME  whose product, where no reference is given, and whose keys (default: dev)

Exit status: 0 all three are signed, 1 one is not.`;

/** `npm run verify`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { key: { type: "string" }, stack: { type: "string", default: "dev" } },
    });
    const [given, ...more] = positionals;
    if (more.length > 0) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const transport = new Transport();
    const keys = await keysOf(values.key, values.stack);
    const reference = byDigest(await findImage(home, { reference: given, stack: values.stack }, transport));
    const stored = await storedStatements(reference, keys, transport);
    const isComplete = predicateNames.every((name) => signed(stored, name).length > 0);
    process.stdout.write(
      `${[reference, ...report(stored), ...commands(reference, values.key)].join("\n")}\n`,
    );
    return isComplete ? 0 : 1;
  },
  { help: HELP },
);

async function keysOf(file: string | undefined, stack: string): Promise<KeyObject[]> {
  if (file !== undefined) return [verifyingKey(await readFile(file, "utf8"), file)];
  const { trust } = await namedStackConfig(projectFolder, stack);
  if (trust) return trustedKeys(trust);
  throw new UserError(
    "strata:trust",
    "is not set, so no key is trusted.",
    "Set it, or name a public key: --key FILE.",
  );
}

function signed({ verified }: StoredStatements, name: (typeof predicateNames)[number]) {
  return verified.filter(({ statement }) => statement.predicateType === predicateTypes[name]);
}

function report(stored: StoredStatements): string[] {
  return [
    ...predicateNames.map((name) => {
      const count = signed(stored, name).length;
      return `${count > 0 ? "signed" : "absent"}   ${name.padEnd(10)} ${predicateTypes[name]}${count > 1 ? ` (${count} times)` : ""}`;
    }),
    ...stored.refused.map(({ artifact, problem }) => `refused  ${artifact.split("@")[1]}: ${problem}`),
  ];
}

/** Without a log there is no time to check either: the key alone vouches. */
function commands(reference: string, file = "strata.pub"): string[] {
  const offline = `--key ${file} --insecure-ignore-tlog=true`;
  return [
    "",
    "The same with cosign 3, the public key in a file:",
    ...predicateNames.map(
      (name) => `  cosign verify-attestation ${offline} --type ${predicateTypes[name]} ${reference}`,
    ),
  ];
}
