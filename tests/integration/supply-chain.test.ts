/**
 * What is stated of a product, in a real registry, judged by those whom strangers use: oras and cosign. The product is made of
 * tars, as only its registry is asked; nothing in it has to run.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Home, homeAt, repository as repositoryFolder } from "../../home.ts";
import { keySigner } from "../../lib/attestation/signer.ts";
import { BUNDLE_TYPE, signedBundle, signingKey } from "../../lib/attestation/sigstore-bundle.ts";
import { predicateNames, predicateTypes, SPDX_TYPE } from "../../lib/attestation/statement.ts";
import { testResult } from "../../lib/attestation/test-result.ts";
import type { Bill } from "../../lib/bill/component.ts";
import { unownedFiles } from "../../lib/bill/ownership.ts";
import { pypiPurl } from "../../lib/bill/purl.ts";
import { spdxText } from "../../lib/bill/spdx-document.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { loginFolder } from "../../oci/access/logins.ts";
import { Transport } from "../../oci/access/transport.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { attachDocument, attachSigned } from "../../tools/attestation/attach.ts";
import { describeContents, statementsAbout } from "../../tools/attestation/describe-product.ts";
import { readFiles } from "../../tools/attestation/read-files.ts";
import { signerOf } from "../../tools/attestation/signer-of.ts";
import { storedBill } from "../../tools/attestation/stored-bill.ts";
import { digestOfEvidence, storeEvidence } from "../../tools/promotion/evidence-store.ts";
import { promote } from "../../tools/promotion/promote.ts";
import { sessionsIn } from "../../tools/promotion/sessions.ts";
import { storedStatements } from "../../tools/promotion/stored-statements.ts";
import { trustedSigners } from "../../tools/promotion/trusted-signers.ts";
import { rollBack } from "../../tools/promotion/undo-promotion.ts";
import { checksKey, evidenceFor } from "../support/evidence.ts";
import { signingPair } from "../support/signing.ts";
import { ISSUER, startSigstore, WORKFLOW } from "../support/sigstore.ts";
import { makeTar } from "../unit/oci/support/tar.ts";
import { judge } from "./support/judges.ts";
import { pushImage } from "./support/push-image.ts";
import { startRegistry } from "./support/registry.ts";

const hash = "c".repeat(64);
const own = signingPair();
const stranger = signingPair();
const key = signingKey(own.privateKey, "own key");
const signer = keySigner(key);
const trust = { keys: [own.publicKey], identities: [], predicates: [...predicateNames] };
const terms = { checksKey, maxAgeDays: 30, host: "any" as const };

let root: string;
let home: Home;
let stop: () => Promise<unknown>;
let transport: Transport;
let repository: string;
before(async () => {
  root = mkdtempSync(join(tmpdir(), "strata-supply-"));
  home = homeAt(join(root, "home"));
  const registry = await startRegistry(home);
  stop = registry.stop;
  repository = `${registry.address}/team/strata`;
  transport = new Transport({ logins: home.logins, attempts: 2, backoffMs: 50 });
  for (const [name, pair] of Object.entries({ own, stranger })) {
    writeFileSync(join(root, `${name}.pub`), pair.publicKey);
  }
});
after(async () => {
  await stop?.();
  rmSync(root, { recursive: true, force: true });
});

const site = "opt/venv/lib/python3.11/site-packages";
const systemFiles = [
  { name: "etc/os-release", content: 'ID=debian\nVERSION_ID="12"\n' },
  {
    name: "var/lib/dpkg/status",
    content:
      "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.1-1\n\n" +
      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n",
  },
  {
    name: "var/lib/dpkg/info/libssl3:amd64.list",
    content: "/etc/os-release\n/lib/libssl.so.3\n/usr/share/doc/libssl3/copyright\n",
  },
  { name: "usr/lib/libssl.so.3", content: "elf" },
  {
    name: "usr/share/doc/libssl3/copyright",
    content: "Format: https://x/copyright-format/1.0/\nLicense: Apache-2.0\n",
  },
  { name: "etc/passwd", content: "root" },
];
const wheelFiles = [
  { name: `${site}/torch/__init__.py`, content: "" },
  { name: `${site}/torch/__pycache__/__init__.cpython-311.pyc`, content: "" },
  { name: "opt/venv/bin/torchrun", content: "" },
  {
    name: `${site}/torch-2.12.0.dist-info/METADATA`,
    content: "Name: torch\nVersion: 2.12.0\nLicense-Expression: BSD-3-Clause\n",
  },
  {
    name: `${site}/torch-2.12.0.dist-info/RECORD`,
    content:
      "torch/__init__.py,,\n../../../bin/torchrun,,\ntorch-2.12.0.dist-info/METADATA,,\ntorch-2.12.0.dist-info/RECORD,,\n",
  },
];

const bill: Bill = {
  recipe: "starter",
  generation: "ada",
  source: "https://github.com/acme/strata",
  revision: "f".repeat(40),
  created: "2026-01-01T00:00:00.000Z",
  base: { name: "debian-bookworm", digest: `sha256:${"b".repeat(64)}` },
  stages: [
    { name: "system", key: "1".repeat(20), role: "system", bulk: false, parents: [] },
    { name: "torch", key: "2".repeat(20), role: "stage", bulk: false, parents: ["system"] },
  ],
  key: "3".repeat(20),
  inProduct: ["system", "torch"],
  components: [
    {
      kind: "wheel",
      name: "torch",
      version: "2.12.0",
      purl: pypiPurl("torch", "2.12.0"),
      stage: "torch",
      hashes: [`sha256:${hash}`],
    },
    { kind: "tool", name: "cmake", version: "4.1.0", purl: pypiPurl("cmake", "4.1.0"), stage: "torch" },
  ],
  materials: { "locks/python/starter.txt": "d".repeat(64), "smoke checks": checksKey },
};

const image = (layers: readonly Buffer[]): Promise<string> =>
  pushImage(
    repository,
    { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } },
    layers,
    transport,
  );

interface Product {
  readonly reference: string;
  readonly evidence: Evidence;
  readonly statements: Awaited<ReturnType<typeof statementsAbout>>;
}

/** A tested product with its bill of materials; nothing is signed yet. @param extra a file that nobody owns */
async function product(extra: string): Promise<Product> {
  const [system, torch] = [
    await makeTar(systemFiles),
    await makeTar([...wheelFiles, { name: extra, content: extra }]),
  ];
  const stages = { system: await image([system]), torch: await image([torch]) };
  const reference = await image([system, torch]);
  const evidence = evidenceFor(reference);
  await storeEvidence(evidence, transport);
  const built = { reference, stages, bill };
  const document = await describeContents(home, built, transport);
  const builder = { id: "urn:strata:builder:strata", versions: { buildkit: "v0.31.1" } };
  const statements = await statementsAbout(built, document, evidence, builder, transport);
  await attachDocument(reference, { type: SPDX_TYPE, text: spdxText(document) }, transport);
  return { reference, evidence, statements };
}

async function signAll(
  { reference, statements }: Product,
  wanted = predicateNames as readonly (keyof typeof statements)[],
) {
  const made: string[] = [];
  for (const name of wanted) made.push(await attachSigned(reference, statements[name], signer, transport));
  return made;
}

const deliver = ({ reference, evidence }: Product, tag: string, more = {}) => {
  const copy = "target" in more ? (more as { target: string }).target : undefined;
  return promote(
    { reference, tags: [tag], terms, trust, ...more },
    JSON.stringify(evidence),
    transport,
    () => {},
    copy === undefined
      ? undefined
      : {
          target: { repository: copy, tag: "product-starter-1" },
          sessions: sessionsIn(join(root, "uploads")),
        },
  );
};
const at = (tag: string, place = repository) => digestOfTag(`${place}:${tag}`, transport);
const digest = (reference: string) => reference.split("@")[1];

test("the bill lies beside the product: packages, wheels and tools, and it finds the file that nobody owns", async () => {
  const { reference } = await product("opt/planted");
  const stored = await storedBill(reference, transport);
  const found = (name: string) => stored.packages.find((each) => each.name === name);
  assert.equal(
    found("libssl3")?.externalRefs?.[0]?.referenceLocator,
    "pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&distro=debian-12&upstream=openssl",
  );
  assert.equal(found("libssl3")?.licenseDeclared, "Apache-2.0");
  assert.equal(found("torch")?.licenseDeclared, "BSD-3-Clause");
  assert.deepEqual(found("torch")?.checksums, [{ algorithm: "SHA256", checksumValue: hash }]);
  // Generic: without a purl grype goes by the name alone, and finds a build tool in the image.
  assert.deepEqual(
    found("cmake")?.externalRefs?.map(({ referenceLocator }) => referenceLocator),
    ["pkg:generic/cmake@4.1.0"],
  );
  assert.equal(found("gone"), undefined);
  const unowned = unownedFiles(stored, await readFiles(reference, transport));
  assert.deepEqual(unowned.files, ["opt/planted"]);
  assert.deepEqual(unowned.explained["the image's users"], ["etc/passwd"]);
});

test("signed and trusted: tags move here and in a copy, a second signature is not made, and rollback verifies", async () => {
  const [first, second] = [await product("opt/first"), await product("opt/second")];
  const made = await signAll(first);
  assert.deepEqual(await signAll(first), made);
  await signAll(second);
  const farther = `${repository}-copy`;
  for (const each of [first, second]) {
    await deliver(each, "signed");
    await deliver(each, "signed", { target: farther });
  }
  assert.equal(await at("signed"), digest(second.reference));
  assert.equal(await at("signed", farther), digest(second.reference));
  const back = (digest(first.reference) ?? "").slice(7, 19);
  const stranges = { ...trust, keys: [stranger.publicKey] };
  await assert.rejects(
    rollBack([repository, farther], "signed", back, transport, stranges),
    /signed by a key of strata:trust/,
  );
  assert.equal(await at("signed"), digest(second.reference));
  await rollBack([repository, farther], "signed", back, transport, trust);
  assert.equal(await at("signed", farther), digest(first.reference));
});

test("promotion refuses: nothing signed, another key, another image's bundles, one missing, forged evidence", async () => {
  const refused = async (made: Product, problem: RegExp) => {
    await assert.rejects(deliver(made, "refused"), problem);
    assert.equal(await at("refused"), undefined);
  };
  const unsigned = await product("opt/unsigned");
  await refused(unsigned, /has no bill of materials, no provenance, no test result of this evidence signed/);

  const foreign = await product("opt/foreign");
  for (const name of predicateNames)
    await attachSigned(
      foreign.reference,
      foreign.statements[name],
      keySigner(signingKey(stranger.privateKey, "stranger")),
      transport,
    );
  await refused(foreign, /is not signed by a trusted key/);

  const borrowed = await product("opt/borrowed");
  for (const name of predicateNames) {
    const text = signedBundle(unsigned.statements[name], key);
    await attachDocument(borrowed.reference, { type: BUNDLE_TYPE, text }, transport);
  }
  await refused(borrowed, /is signed, but about another image/);

  const missing = await product("opt/missing");
  await signAll(missing, ["sbom", "evidence"]);
  await refused(missing, /has no provenance signed by a key/);
  await signAll(missing, ["provenance"]);
  await deliver(missing, "complete");
  assert.equal(await at("complete"), digest(missing.reference));

  // The signed result is about other evidence than the one that asks for the tag.
  const forged = await product("opt/forged");
  await signAll(forged, ["sbom", "provenance"]);
  const other = evidenceFor(forged.reference, { seconds: 7 });
  const artifact = await digestOfEvidence(other, forged.reference, transport);
  await attachSigned(forged.reference, testResult(other, artifact), signer, transport);
  await refused(forged, /has no test result of this evidence signed/);
  const changed = { ...forged, evidence: { ...forged.evidence, seconds: 99 } };
  await refused(changed, /this evidence is not stored with the image/);
});

test("oras finds everything, by its type", async () => {
  const made = await product("opt/oras");
  await signAll(made);
  const { stdout } = await execa(
    await judge("oras"),
    ["discover", "--plain-http", "--format", "json", made.reference],
    {
      env: { DOCKER_CONFIG: loginFolder(home.logins, repository.split("/")[0] ?? "") },
    },
  );
  const types: string[] = JSON.parse(stdout).referrers.map(
    (each: { artifactType: string }) => each.artifactType,
  );
  assert.equal(types.filter((type) => type === BUNDLE_TYPE).length, 3, stdout);
  assert.ok(
    types.includes(SPDX_TYPE) && types.some((type) => type.startsWith("application/vnd.strata.evidence")),
    stdout,
  );
});

test("cosign verifies each statement by the key, and refuses what promotion refuses", async () => {
  const cosign = await judge("cosign");
  const env = { DOCKER_CONFIG: loginFolder(home.logins, repository.split("/")[0] ?? ""), HOME: root };
  const attested = (reference: string, type: string, by = "own") =>
    execa(
      cosign,
      [
        "verify-attestation",
        "--key",
        join(root, `${by}.pub`),
        "--insecure-ignore-tlog=true",
        "--allow-http-registry",
        "--type",
        type,
        reference,
      ],
      { env, reject: false },
    );
  const made = await product("opt/cosign");
  await signAll(made, ["sbom", "provenance"]);
  assert.notEqual(
    (await attested(made.reference, predicateTypes.evidence)).exitCode,
    0,
    "a predicate that is missing",
  );
  await signAll(made, ["evidence"]);
  for (const name of predicateNames) {
    const result = await attested(made.reference, predicateTypes[name]);
    assert.equal(result.exitCode, 0, `${name}: ${result.stderr}`);
    assert.notEqual(
      (await attested(made.reference, predicateTypes[name], "stranger")).exitCode,
      0,
      "another key",
    );
  }
  const plain = await execa(
    cosign,
    [
      "verify",
      "--key",
      join(root, "own.pub"),
      "--insecure-ignore-tlog=true",
      "--allow-http-registry",
      made.reference,
    ],
    { env, reject: false },
  );
  assert.equal(plain.exitCode, 0, plain.stderr);

  const borrowed = await product("opt/cosign-borrowed");
  const other = { type: BUNDLE_TYPE, text: signedBundle(made.statements.sbom, key) };
  await attachDocument(borrowed.reference, other, transport);
  assert.notEqual(
    (await attested(borrowed.reference, predicateTypes.sbom)).exitCode,
    0,
    "a bundle of another digest",
  );

  const forged = await product("opt/cosign-forged");
  const bundle = JSON.parse(signedBundle(forged.statements.evidence, key));
  const payload = JSON.stringify({
    ...forged.statements.evidence,
    predicate: { result: "PASSED", configuration: [] },
  });
  bundle.dsseEnvelope.payload = Buffer.from(payload).toString("base64");
  await attachDocument(forged.reference, { type: BUNDLE_TYPE, text: JSON.stringify(bundle) }, transport);
  assert.notEqual((await attested(forged.reference, predicateTypes.evidence)).exitCode, 0, "forged evidence");
});

test("cosign verifies what GitHub's identity signed, by a Sigstore of one's own, as promotion does", async (t) => {
  const sigstore = await startSigstore();
  t.after(() => sigstore.close());
  Object.assign(process.env, sigstore.environment);
  const rootFile = join(root, "trusted-root.json");
  writeFileSync(rootFile, sigstore.root);
  const identities = [{ identity: WORKFLOW, issuer: ISSUER }];
  const byIdentity = { keys: [], identities, root: rootFile, predicates: [...predicateNames] };
  const { url } = sigstore;
  const sign = { kind: "keyless" as const, fulcio: url, rekor: url };
  const made = await product("opt/keyless");
  const keyless = await signerOf(sign, byIdentity);
  for (let times = 0; times < 2; times++)
    for (const name of predicateNames)
      await attachSigned(made.reference, made.statements[name], keyless, transport);
  const { verified } = await storedStatements(made.reference, await trustedSigners(byIdentity), transport);
  assert.equal(verified.length, predicateNames.length, "signed once");
  await deliver(made, "keyless", { trust: byIdentity });
  assert.equal(await at("keyless"), digest(made.reference));
  const evil = {
    ...byIdentity,
    identities: [{ identity: WORKFLOW.replace("acme", "evil"), issuer: ISSUER }],
  };
  await assert.rejects(deliver(made, "evil", { trust: evil }), /is not signed by a trusted key or identity/);
  const verify = (identity: string, issuer = ISSUER) =>
    execa(
      process.execPath,
      [
        "tools/commands/verify.ts",
        made.reference,
        ...["--identity", identity, "--issuer", issuer, "--root", rootFile],
      ],
      { cwd: repositoryFolder, env: { STRATA_HOME: home.root }, reject: false },
    );
  const [whole, part, none] = await Promise.all([
    verify(WORKFLOW),
    verify("https://github.com/acme/*"),
    verify(WORKFLOW, "https://accounts.example.org"),
  ]);
  assert.deepEqual([whole.exitCode, part.exitCode, none.exitCode], [0, 0, 1], whole.stderr);
  assert.match(whole.stdout, /^signed {3}provenance https:\/\/slsa\.dev\/provenance\/v1$/m);
  assert.ok(
    whole.stdout.includes(`--certificate-identity ${WORKFLOW} --certificate-oidc-issuer ${ISSUER} --type`),
  );
  assert.ok(
    part.stdout.includes("--certificate-identity-regexp '^https:\\/\\/github\\.com\\/acme\\/.*$'"),
    part.stdout,
  );
  assert.match(none.stdout, /^absent {3}provenance/m);
  const cosign = await judge("cosign");
  const asks = (identity: string) =>
    execa(
      cosign,
      [
        "verify-attestation",
        ...[
          "--trusted-root",
          rootFile,
          "--certificate-identity",
          identity,
          "--certificate-oidc-issuer",
          ISSUER,
        ],
        ...["--allow-http-registry", "--type", predicateTypes.provenance, made.reference],
      ],
      {
        env: { DOCKER_CONFIG: loginFolder(home.logins, repository.split("/")[0] ?? ""), HOME: root },
        reject: false,
      },
    );
  const accepted = await asks(WORKFLOW);
  assert.equal(accepted.exitCode, 0, accepted.stderr);
  assert.notEqual((await asks(WORKFLOW.replace("acme", "evil"))).exitCode, 0);
});
