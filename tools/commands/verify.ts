import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { home, projectFolder } from "../../home.ts";
import { type TrustedSigners, verifyingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { predicateNames, predicateTypes } from "../../lib/attestation/statement.ts";
import { Transport } from "../../oci/access/transport.ts";
import { byDigest, findImage } from "../delivery/find-image.ts";
import { main } from "../program/main.ts";
import { type StoredStatements, storedStatements } from "../promotion/stored-statements.ts";
import { trustedSigners } from "../promotion/trusted-signers.ts";
import { namedStackConfig } from "../stack/checkout-plan.ts";
import { furtherStatements } from "./verify/further-statements.ts";
import { strangersCommands } from "./verify/strangers-commands.ts";

const HELP = `Usage: npm run verify -- [reference] [--key FILE | --identity NAME --issuer URL [--root FILE]] [--stack NAME]

Says what a stranger can check of an image: which of its bill of materials, provenance and test result are signed by
whom you trust, and which bundles beside it are not; whether its stages were built again and came out equal; then the
commands of cosign, and of gh for what GitHub's runs signed, that check the same.

  --key FILE       the public key (default: those of the stack's strata:trust)
  --identity NAME  who signed without a key, as the certificate says; * stands for any characters
  --issuer URL     who knows them, such as https://token.actions.githubusercontent.com
  --root FILE      authorities and logs of a Sigstore of one's own (default: the public one)
  --stack NAME     whose product, where no reference is given, and whom it trusts (default: dev)

Exit status: 0 all three are signed, 1 one is not.`;

/** `npm run verify`: see `HELP`. */
await main(
  async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        key: { type: "string" },
        identity: { type: "string" },
        issuer: { type: "string" },
        root: { type: "string" },
        stack: { type: "string", default: "dev" },
      },
    });
    const [given, ...others] = positionals;
    if (others.length > 0) {
      process.stdout.write(`${HELP}\n`);
      return 2;
    }
    const transport = new Transport();
    const signers = await signersOf(values);
    const reference = byDigest(await findImage(home, { reference: given, stack: values.stack }, transport));
    const stored = await storedStatements(reference, signers, transport);
    const more = await furtherStatements(reference, stored, signers, transport);
    const isComplete = predicateNames.every((name) => signed(stored, name).length > 0);
    process.stdout.write(
      `${[reference, ...report(stored), ...more, ...strangersCommands(reference, signers, values)].join("\n")}\n`,
    );
    return isComplete ? 0 : 1;
  },
  { help: HELP },
);

interface Named {
  readonly key?: string | undefined;
  readonly identity?: string | undefined;
  readonly issuer?: string | undefined;
  readonly root?: string | undefined;
  readonly stack: string;
}

/** Whom the options name, else the stack. */
async function signersOf({ key, identity, issuer, root, stack }: Named): Promise<TrustedSigners> {
  if (key !== undefined) return { keys: [verifyingKey(await readFile(key, "utf8"), key)] };
  if (identity !== undefined && issuer !== undefined)
    return await trustedSigners({ keys: [], identities: [{ identity, issuer }], root });
  if (identity !== undefined || issuer !== undefined)
    throw new UserError("--identity, --issuer", "belong together.", "Name both.");
  const { trust } = await namedStackConfig(projectFolder, stack);
  if (trust) return await trustedSigners(trust);
  throw new UserError(
    "strata:trust",
    "is not set, so nobody is trusted.",
    "Set it, or name a public key: --key FILE; or who signed without one: --identity NAME --issuer URL.",
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
