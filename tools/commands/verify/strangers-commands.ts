import { namePattern, type TrustedSigners } from "../../../lib/attestation/sigstore-bundle.ts";
import { predicateNames, predicateTypes } from "../../../lib/attestation/statement.ts";

/** Whom GitHub's runs sign by: what `gh attestation verify` takes for the issuer. */
const GITHUB = "https://token.actions.githubusercontent.com";

/** What the command was told, for its lines to name. */
export interface NamedFiles {
  /** Of a public key. @default strata.pub */
  readonly key?: string | undefined;
  /** Of a trusted root. @default the public one */
  readonly root?: string | undefined;
}

type Identity = NonNullable<TrustedSigners["identities"]>[number];

/** How strangers check the same with tools of their own: cosign, and gh what GitHub's runs have signed. */
export function strangersCommands(
  reference: string,
  { keys, identities = [] }: TrustedSigners,
  { key = "strata.pub", root }: NamedFiles,
): string[] {
  const cosign = (words: string) =>
    predicateNames.map(
      (name) => `  cosign verify-attestation ${words} --type ${predicateTypes[name]} ${reference}`,
    );
  return [
    // Without a log there is no time to check either: a key alone vouches.
    ...(keys.length > 0
      ? [
          "",
          "The same with cosign 3, the public key in a file:",
          ...cosign(`--key ${key} --insecure-ignore-tlog=true`),
        ]
      : []),
    ...identities.flatMap((each) => [
      "",
      "The same with cosign 3, by who signed:",
      ...cosign(
        `${root ? `--trusted-root ${root} ` : ""}${nameOption("--certificate-identity", "--certificate-identity-regexp", each)} --certificate-oidc-issuer ${each.issuer}`,
      ),
      ...ghCommands(reference, each, root),
    ]),
  ];
}

/** gh asks whose repository it is, and looks for bundles beside the image where it is told to. */
function ghCommands(reference: string, each: Identity, root: string | undefined): string[] {
  const [, owner, name] = /^https:\/\/github\.com\/([^/*]+)\/(?:([^/*]+)\/)?/.exec(each.identity) ?? [];
  if (each.issuer !== GITHUB || !owner) return [];
  const whose = name ? `--repo ${owner}/${name}` : `--owner ${owner}`;
  const words = [
    `gh attestation verify oci://${reference} --bundle-from-oci ${whose}`,
    nameOption("--cert-identity", "--cert-identity-regex", each),
    ...(root ? [`--custom-trusted-root ${root}`] : []),
  ].join(" ");
  return [
    "",
    "The same with GitHub's gh:",
    ...predicateNames.map((predicate) => `  ${words} --predicate-type ${predicateTypes[predicate]}`),
  ];
}

function nameOption(whole: string, pattern: string, { identity }: Identity): string {
  return identity.includes("*") ? `${pattern} '${namePattern(identity)}'` : `${whole} ${identity}`;
}
