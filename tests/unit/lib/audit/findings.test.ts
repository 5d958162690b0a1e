import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AuditConfig, AuditInput, AuditLayer } from "../../../../lib/audit/audit-schema.ts";
import { Entry as EntrySchema } from "../../../../lib/audit/audit-schema.ts";
import { needsHash } from "../../../../lib/audit/content.ts";
import { AuditReport, audit, type Entry, LABELS, parseSize, RULES } from "../../../../lib/audit/findings.ts";
import { secretsInConfigText, secretsInFile, secretsInText } from "../../../../lib/secrets.ts";

const entry =
  (type: Entry["type"], mode: number) =>
  (path: string, more: Partial<Entry> = {}): Entry => ({
    path,
    type,
    size: type === "file" ? 10 : 0,
    mode,
    uid: 0,
    gid: 0,
    ...more,
  });
const file = entry("file", 0o644);
const folder = entry("directory", 0o755);
const device = entry("device", 0o660);
const link = (path: string, linkTarget: string) => entry("symlink", 0o777)(path, { linkTarget });

/** A layer a hundred times smaller than its number of entries is long; what is in it is the point. */
const layer = (...entries: Entry[]): AuditLayer => ({
  digest: `sha256:${"0".repeat(64)}`,
  bytes: 100,
  entries,
});

const BASE = layer(
  folder("usr"),
  folder("usr/lib"),
  link("lib", "usr/lib"),
  folder("tmp", { mode: 0o1777 }),
  folder("home/app"),
  file("usr/bin/su", { mode: 0o4755 }),
  file("var/lib/dpkg/status"),
);

function run(layers: AuditLayer[], config: Partial<AuditConfig> = {}, more: Partial<AuditInput> = {}) {
  const bytes = layers.reduce((sum, { bytes }) => sum + bytes, 10);
  const platform = { os: "linux", architecture: "amd64" };
  const input = { reference: "r", digest: "sha256:d", bytes, layers, config: { ...platform, ...config } };
  return AuditReport.parse(audit({ ...input, ...more }));
}

/** `code severity layer path` of each finding. */
const findings = (...args: Parameters<typeof run>) =>
  run(...args).findings.map(({ code, severity, layer, path }) => [code, severity, layer, path].join(" "));

test("a clean image passes", () => {
  const torch = layer(
    folder("usr"),
    folder("opt"),
    folder("opt/torch"),
    file("opt/torch/a"),
    link("opt/b", "/opt/torch"),
  );
  const app = layer(
    folder("opt"),
    file("opt/app"),
    link("opt/c", "/lib/x/../y"),
    file("usr/lib/y"),
    folder("usr/lib/x"),
  );
  const report = run([BASE, torch, app]);
  assert.deepEqual(report.findings, []);
  assert.equal(report.verdict, "pass");
  assert.equal(report.duplicateBytes, 0);
});

describe("paths in several layers", () => {
  test("a file twice is broken, and its bytes are counted", () => {
    const report = run([BASE, layer(file("opt/a", { size: 70 })), layer(file("opt/a", { size: 30 }))]);
    assert.deepEqual(
      report.findings.map(({ code, layer, path, wastedBytes }) => [code, layer, path, wastedBytes]),
      [["duplicate-path", 3, "/opt/a", 70]],
    );
    assert.equal(report.duplicateBytes, 70);
    assert.equal(report.verdict, "broken");
  });

  test("so is a file of the system layers in a stage", () => {
    assert.deepEqual(findings([BASE, layer(file("var/lib/dpkg/status"))]), [
      "duplicate-path broken 2 /var/lib/dpkg/status",
    ]);
  });

  test("the system's own layers may replace each other's files", () => {
    const apt = layer(file("var/lib/dpkg/status"), folder("tmp", { mode: 0o700 }));
    assert.deepEqual(findings([BASE, apt], {}, { systemLayers: 2 }), []);
    assert.deepEqual(findings([BASE, apt], { config: { Labels: { [LABELS.systemLayers]: "2" } } }), []);
    assert.equal(findings([BASE, apt]).length, 2);
  });

  test("folders must agree in mode and owner", () => {
    const mode = layer(folder("tmp", { mode: 0o755 }));
    const owner = layer(folder("usr", { uid: 1000 }));
    assert.deepEqual(findings([BASE, mode, owner]), [
      "directory-mismatch broken 2 /tmp",
      "directory-mismatch broken 3 /usr",
    ]);
  });

  test("a folder where a link was, a file where a folder was, a file below a link", () => {
    assert.deepEqual(findings([BASE, layer(folder("lib"))]), ["type-conflict broken 2 /lib"]);
    assert.deepEqual(findings([BASE, layer(file("usr/lib"))]), ["type-conflict broken 2 /usr/lib"]);
    assert.deepEqual(findings([BASE, layer(file("lib/x.so"))]), ["type-conflict broken 2 /lib/x.so"]);
    assert.deepEqual(findings([BASE, layer(file("usr/bin"))]), ["type-conflict broken 2 /usr/bin"]);
  });
});

describe("whiteouts", () => {
  test("in a stage they are broken, with the bytes they hide", () => {
    const torch = layer(
      folder("opt/torch"),
      file("opt/torch/a", { size: 5 }),
      file("opt/torch/b", { size: 7 }),
    );
    const report = run([BASE, torch, layer(file("opt/.wh.torch", { size: 0 }))]);
    assert.deepEqual(
      report.findings.map(({ code, severity, path, wastedBytes }) => [code, severity, path, wastedBytes]),
      [["whiteout", "broken", "/opt/torch", 12]],
    );
  });

  test("an opaque folder hides what lower layers have in it, and not its own", () => {
    const opaque = layer(file("opt/d/new"), file("opt/d/.wh..wh..opq", { size: 0 }));
    const report = run([BASE, layer(folder("opt/d"), file("opt/d/old")), opaque]);
    assert.deepEqual(
      report.findings.map(({ code, path, wastedBytes }) => [code, path, wastedBytes]),
      [["whiteout", "/opt/d", 10]],
    );
  });

  test("in the system's layers they only warn; one that hides nothing is no finding", () => {
    const clean = layer(entry("device", 0)("var/lib/dpkg/.wh.status"));
    assert.deepEqual(findings([BASE, clean], {}, { systemLayers: 2 }), [
      "whiteout warning 2 /var/lib/dpkg/status",
    ]);
    assert.deepEqual(findings([BASE, layer(file("opt/.wh.nothing", { size: 0 }))]), []);
  });
});

describe("copies", () => {
  const big = { size: 2_000_000, sha256: "a" };
  test("the same bytes at two paths warn", () => {
    assert.deepEqual(findings([BASE, layer(file("opt/a", big)), layer(file("opt/b", big))]), [
      "same-bytes warning 3 /opt/b",
    ]);
    assert.deepEqual(findings([BASE, layer(file("opt/a", big), file("opt/b", { ...big, sha256: "b" }))]), []);
  });

  test("a CUDA library twice is broken at any size", () => {
    const copy = { size: 700_000, sha256: "a" };
    const copies = layer(file("a/libcudart.so.13", copy), file("b/libcudart-d0da41ae.so.13", copy));
    assert.deepEqual(findings([BASE, copies]), ["same-bytes broken 2 /b/libcudart-d0da41ae.so.13"]);
  });

  test("two builds of a CUDA library warn; its siblings, stubs and alternatives are others", () => {
    const lib = (path: string, sha256: string) => file(path, { size: 2_000_000, sha256 });
    assert.deepEqual(
      findings([BASE, layer(lib("a/libcublas.so.12", "1"), lib("b/libcublas.so.13.1", "2"))]),
      ["cuda-versions warning 2 /b/libcublas.so.13.1"],
    );
    const siblings = layer(
      lib("a/libcublas.so.13", "1"),
      lib("a/libcublasLt.so.13", "2"),
      lib("a/libnvrtc.so.13", "3"),
      lib("a/libnvrtc.alt.so.13", "4"),
      lib("a/libnvrtc-builtins.so.13.0", "5"),
      lib("a/libcudnn_ops.so.9", "6"),
      lib("a/libcudnn.so.9", "7"),
      lib("a/stubs/libcublas.so", "8"),
    );
    assert.deepEqual(findings([BASE, siblings]), []);
  });

  test("which files are hashed", () => {
    assert.deepEqual(
      [
        needsHash("a", 1_000_000),
        needsHash("a", 1_000_001),
        needsHash("x/libcudart.so.13", 5),
        needsHash("libcudart.a", 5),
      ],
      [false, true, true, false],
    );
  });
});

describe("entries", () => {
  test("set-uid and set-gid files above the system layers; folders are none", () => {
    const bad = layer(
      file("opt/a", { mode: 0o4755 }),
      file("opt/b", { mode: 0o2755 }),
      folder("opt/c", { mode: 0o2755 }),
    );
    assert.deepEqual(findings([BASE, bad]), ["set-uid broken 2 /opt/a", "set-uid broken 2 /opt/b"]);
  });

  test("world-writable files, and folders without the sticky bit", () => {
    const bad = layer(
      file("a", { mode: 0o666 }),
      folder("b", { mode: 0o777 }),
      folder("c", { mode: 0o1777 }),
    );
    assert.deepEqual(findings([BASE, bad]), ["world-writable warning 2 /a", "world-writable warning 2 /b"]);
  });

  test("device nodes: those of the base only warn", () => {
    assert.deepEqual(findings([layer(device("dev/a")), layer(device("dev/b"))]), [
      "device-node warning 1 /dev/a",
      "device-node broken 2 /dev/b",
    ]);
  });

  test("absolute links that lead nowhere, through other links", () => {
    const links = layer(
      link("opt/ok", "/lib/there"),
      file("usr/lib/there"),
      link("opt/bad", "/lib/absent"),
      link("opt/via", "/opt/bad"),
      link("opt/round", "/opt/round"),
      link("opt/proc", "/proc/mounts"),
      link("opt/relative", "nowhere"),
    );
    assert.deepEqual(findings([BASE, links]), [
      "dangling-symlink warning 2 /opt/bad",
      "dangling-symlink warning 2 /opt/via",
      "dangling-symlink warning 2 /opt/round",
    ]);
  });
});

// Put together here, so that no scanner of repositories takes them for real ones.
const HF = `hf_${"aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"}`;
const GITHUB = `ghp_${"a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"}`;
const GITHUB_PAT = `github_pat_${"a1B2c3D4e5F6a7H8i9J0k1"}_${"a1B2c3D4e5F6a7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D"}`;
const AWS = `AKIA${"Q3EGRZ7VX5T2NBMW"}`;
const KEY_BODY = "MIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi8k1s3";

describe("secrets", () => {
  test("tokens and keys are known by their form", () => {
    assert.deepEqual(secretsInText(`x=${HF}`), ["Hugging Face token"]);
    assert.deepEqual(secretsInText(`"${GITHUB}"`), ["GitHub token"]);
    assert.deepEqual(secretsInText(`pat: ${GITHUB_PAT}`), ["GitHub token"]);
    assert.deepEqual(secretsInFile("a/x.txt", Buffer.from(GITHUB_PAT)), ["GitHub token"]);
    assert.deepEqual(secretsInText(`${GITHUB} ${GITHUB_PAT}`), ["GitHub token"]);
    assert.deepEqual(secretsInText(AWS), ["AWS access key"]);
    assert.deepEqual(secretsInText(`-----BEGIN RSA PRIVATE KEY-----\n${KEY_BODY}`), ["private key"]);
    assert.deepEqual(secretsInText(`-----BEGIN PRIVATE KEY-----\\n${KEY_BODY}`), ["private key"]);
    assert.deepEqual(secretsInText(`npm_${"a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"}`), ["npm token"]);
    assert.deepEqual(secretsInText(`glpat-${"a1B2c3D4e5F6g7H8i9J0"}`), ["GitLab token"]);
    assert.deepEqual(secretsInConfigText("pip install --index https://me:secret@host/"), [
      "password in an address",
    ]);
  });

  test("what only looks like one is none", () => {
    for (const text of [
      "hf_quantizer = get_hf_quantizer_for_this_very_long_name()",
      `hf_${"x".repeat(34)}`,
      `AKIA${"IOSFODNN7"}EXAMPLE`,
      'MARKER = "-----BEGIN PRIVATE KEY-----"',
      "https://host:8080/path@1",
      "https://$" + "{USER}:$" + "{PASSWORD}@host/",
    ]) {
      assert.deepEqual(secretsInConfigText(text), [], text);
    }
  });

  test("files are known by their name, some only with a content", () => {
    const kinds = (path: string, content = "x") => secretsInFile(path, Buffer.from(content));
    assert.deepEqual(kinds("root/.ssh/id_rsa"), ["SSH key file"]);
    assert.deepEqual(kinds("root/.ssh/id_rsa.pub"), []);
    assert.deepEqual(kinds("root/.ssh/id_rsa", ""), []);
    assert.deepEqual(kinds("root/.npmrc", "//host/:_authToken=abc"), ["npm login"]);
    assert.deepEqual(kinds("root/.npmrc", "save-exact=true"), []);
    assert.deepEqual(kinds("root/.netrc", "machine a login b password c"), ["netrc login"]);
    assert.deepEqual(kinds("root/.docker/config.json", '{"auths":{"a":{"auth":"b"}}}'), ["registry login"]);
    assert.deepEqual(kinds("root/.cache/huggingface/token"), ["Hugging Face login"]);
    assert.deepEqual(kinds("opt/readme", "x"), []);
  });

  test("in layers they are broken, in a published package's tests they warn", () => {
    const secrets = ["private key"];
    const bad = layer(
      file("etc/key.pem", { secrets }),
      file("opt/venv/lib/python3.11/site-packages/tornado/test/test.key", { secrets }),
    );
    assert.deepEqual(findings([BASE, bad]), [
      "secret broken 2 /etc/key.pem",
      "secret warning 2 /opt/venv/lib/python3.11/site-packages/tornado/test/test.key",
    ]);
  });

  test("keys that distributions ship warn with their reason, where and of the kind that they are known", () => {
    const packages = "opt/venv/lib/python3.11/site-packages";
    const found = (path: string, kind: string) =>
      run([BASE, layer(file(path, { secrets: [kind] }))]).findings.map(
        ({ severity, detail }) => `${severity}: ${detail}`,
      );
    assert.deepEqual(found(`${packages}/transformers/testing_utils.py`, "Hugging Face token"), [
      "warning: Hugging Face token, transformers' token for the hub's test server, in its wheels 4.53.3 and 4.57.6",
    ]);
    const key = "Crypto/SelfTest/PublicKey/test_import_RSA.py";
    assert.deepEqual(found(`${packages}/${key}`, "private key"), [
      "warning: private key, a test vector of pycryptodome's self-test",
    ]);
    for (const [path, kind] of [
      [`${packages}/transformers/testing_utils.py`, "AWS access key"],
      [`${packages}/transformers/models/testing_utils.py`, "Hugging Face token"],
      [`${packages}/my_transformers/testing_utils.py`, "Hugging Face token"],
      ["opt/comfyui/custom_nodes/a/transformers/testing_utils.py", "Hugging Face token"],
      [`${packages}/${key}`, "GitHub token"],
      [`${packages}/Crypto/SelfTest/PublicKey/mine.py`, "private key"],
      [`${packages}/Crypto/PublicKey/test_import_RSA.py`, "private key"],
      [`opt/${key}`, "private key"],
    ] as const) {
      assert.deepEqual(found(path, kind), [`broken: ${kind}`], path);
    }
  });

  test("in the configuration, and never shown", () => {
    const report = run([BASE], {
      config: { Env: [`A=${HF}`, "DB_PASSWORD=x", "HF_TOKEN=", "PATH=/bin"], Labels: { l: GITHUB } },
      history: [{ created_by: `RUN curl -H ${AWS}` }],
    });
    assert.deepEqual(
      report.findings.map(({ code, detail }) => `${code}: ${detail}`),
      [
        "secret-in-config: Hugging Face token in variable A",
        "secret-in-config: GitHub token in label l",
        "secret-in-config: AWS access key in history step 1",
        "secret-named-variable: variable DB_PASSWORD has a value",
      ],
    );
    for (const secret of [HF, GITHUB, AWS]) assert.ok(!JSON.stringify(report).includes(secret));
  });
});

test("paths of the build machine in the configuration; homes in the image are its own", () => {
  const paths = (text: string, hostPaths: string[] = []) =>
    run([BASE], { history: [{ created_by: text }] }, { hostPaths }).findings.map(
      ({ code, detail }) => `${code} ${detail}`,
    );
  assert.deepEqual(paths("COPY /home/ada/project /opt"), ["host-path /home/ada in history step 1"]);
  assert.deepEqual(paths("ARG X=/Users/ada"), ["host-path /Users/ada in history step 1"]);
  assert.deepEqual(paths("WORKDIR /home/app/x"), []);
  assert.deepEqual(paths("see https://host.example/home/page"), []);
  assert.deepEqual(paths("ARG X=/ci/build/x", ["/ci/build"]), ["host-path /ci/build in history step 1"]);
  assert.deepEqual(paths("ARG X=/ci/builder /opt/ci/build", ["/ci/build"]), []);
});

describe("size", () => {
  test("the budget comes from the option, then the label", () => {
    const labels = { config: { Labels: { [LABELS.sizeBudget]: "150 B" } } };
    const two = [BASE, layer(file("a"))];
    assert.deepEqual(findings(two, labels), ["size-budget broken  "]);
    assert.deepEqual(findings(two, labels, { budgetBytes: 210 }), []);
    assert.deepEqual(findings(two, {}, { budgetBytes: 209 }), ["size-budget broken  "]);
  });

  test("a layer is too large for the registry that the image lies in, above what that takes", () => {
    const sized = (bytes: number, host: string) =>
      findings([BASE, { ...layer(file("a")), bytes }], {}, { reference: `${host}/acme/strata@sha256:d` });
    assert.deepEqual(sized(10e9, "ghcr.io"), []);
    assert.deepEqual(sized(10e9 + 1, "ghcr.io"), ["layer-size broken 2 "]);
    const ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    assert.deepEqual(sized(52_000 * 2 ** 20, ecr), []);
    assert.deepEqual(sized(52_000 * 2 ** 20 + 1, ecr), ["layer-size broken 2 "]);
    for (const host of ["127.0.0.1:5000", "docker.io", "r.example"]) assert.deepEqual(sized(60e9, host), []);
  });

  test("more than 125 layers are too many", () => {
    const layers = (count: number) => Array.from({ length: count }, (_, number) => layer(file(`${number}`)));
    assert.deepEqual(findings(layers(125)), []);
    assert.deepEqual(findings(layers(126)), ["layer-count broken  "]);
  });

  test("an image is for linux/amd64", () => {
    assert.deepEqual(findings([BASE], { architecture: "arm64" }), ["platform broken  "]);
    assert.deepEqual(findings([BASE], { os: "windows" }), ["platform broken  "]);
  });

  test("sizes are read as people write them", () => {
    assert.equal(parseSize("3.3GB", "x"), 3_300_000_000);
    assert.equal(parseSize(" 2 gib ", "x"), 2 ** 31);
    assert.equal(parseSize("100 B", "x"), 100);
    for (const wrong of ["", "3", "3,3 GB", "-1 GB", "3 GiG"])
      assert.throws(() => parseSize(wrong, "--budget"), /--budget/);
  });

  test("largest layer, unpacked bytes and number of files", () => {
    const report = run([BASE, { ...layer(file("a", { size: 7 }), file(".wh.b", { size: 0 })), bytes: 500 }]);
    assert.equal(report.largestLayer, 2);
    assert.deepEqual([report.layers[1]?.unpackedBytes, report.layers[1]?.files], [7, 1]);
  });
});

describe("labels", () => {
  const stages = (
    label: string | undefined,
    config: Partial<AuditConfig> = {},
    layers = [BASE, layer(file("a"))],
  ) => run(layers, { ...config, config: { Labels: label === undefined ? {} : { [LABELS.layers]: label } } });
  const names = (...args: Parameters<typeof stages>) => stages(...args).layers.map(({ stage }) => stage);

  test("stage names: label of all layers, of the stages, annotation, history", () => {
    assert.deepEqual(names('["base","torch"]'), ["base", "torch"]);
    assert.deepEqual(names('["torch"]'), ["system", "torch"]);
    assert.deepEqual(names(undefined, {}, [BASE, { ...layer(file("a")), stage: "cuda" }]), [
      "system",
      "cuda",
    ]);
    const history = [
      { created_by: "x" },
      { created_by: "ENV", empty_layer: true },
      { created_by: "/bin/sh -c make it" },
    ];
    assert.deepEqual(names(undefined, { history }), ["system", "make it"]);
    assert.deepEqual(names(undefined), ["system", "?"]);
  });

  test("a label that does not fit is a finding", () => {
    for (const label of ['["a","b","c"]', "torch", '{"a":1}']) {
      assert.deepEqual(
        stages(label).findings.map(({ code }) => code),
        ["stage-names"],
        label,
      );
    }
  });

  test("a number of system layers that cannot be is a user error", () => {
    assert.throws(() => run([BASE], {}, { systemLayers: 2 }), /fewer than the 2/);
    assert.throws(() => run([BASE], { config: { Labels: { [LABELS.systemLayers]: "two" } } }), /got "two"/);
  });
});

test("every rule says what to do", () => {
  for (const [code, { title, remedy }] of Object.entries(RULES)) assert.ok(title && remedy, code);
});

describe("what a finding says", () => {
  const details = (...args: Parameters<typeof run>) => run(...args).findings.map(({ detail }) => detail);
  const stage = (name: string, ...entries: Entry[]) => ({ ...layer(...entries), stage: name });

  test("of paths: where the other one is, by number and stage", () => {
    const torch = stage("torch", file("opt/a", { size: 70 }), folder("opt/d", { uid: 5 }), folder("opt/e"));
    assert.deepEqual(
      details([
        BASE,
        torch,
        layer(file("opt/a"), folder("opt/d", { mode: 0o700, gid: 6 }), file("opt/e"), file("lib/x")),
      ]),
      [
        "is also in layer 2 (torch); its 70 bytes there are hidden",
        "is 0700 0:6 here and 0755 5:0 in layer 2 (torch)",
        "is a file here and a directory in layer 2 (torch)",
        "lies below /lib, which is a symlink in layer 1 (system)",
      ],
    );
    assert.deepEqual(details([BASE, layer(file("usr/bin"))]), [
      "is a file here and a folder in layer 1 (system)",
    ]);
  });

  test("of whiteouts: how many paths and bytes", () => {
    const two = layer(folder("opt/d"), file("opt/d/a", { size: 5 }), file("opt/one", { size: 7 }));
    assert.deepEqual(
      details([BASE, two, layer(file("opt/.wh.d", { size: 0 }), file("opt/.wh.one", { size: 0 }))]),
      ["hides 2 paths of lower layers (5 bytes)", "hides 1 path of lower layers (7 bytes)"],
    );
  });

  test("of copies, modes, links and limits", () => {
    const same = { size: 2_000_000, sha256: "a" };
    assert.deepEqual(details([BASE, layer(file("a", same)), layer(file("b", same))]), [
      "2000000 bytes equal to /a in layer 2",
    ]);
    const builds = layer(
      file("a/libcublas.so.12", { size: 9, sha256: "1" }),
      file("b/libcublas.so.13", { size: 9, sha256: "2" }),
    );
    const [built] = run([BASE, builds]).findings;
    assert.equal(built?.detail, "is another build of libcublas than /a/libcublas.so.12 in layer 2");
    assert.equal(built?.wastedBytes, 9);
    assert.deepEqual(
      details([BASE, layer(file("s", { mode: 0o4755, uid: 1, gid: 2 }), file("w", { mode: 0o666 }))]),
      ["mode 4755, owner 1:2", "file with mode 0666"],
    );
    assert.deepEqual(details([BASE, layer(link("l", "/no"), device("dev"))]), ["points at /no", "mode 0660"]);
    assert.deepEqual(details([BASE], { architecture: "arm64" }), [
      "it is for linux/arm64, not for linux/amd64",
    ]);
    assert.deepEqual(details([BASE, { ...stage("big", file("a")), bytes: 900 }], {}, { budgetBytes: 1000 }), [
      "1010 bytes compressed, 10 over the budget of 1000; the largest layer is 2 (big) with 900",
    ]);
    assert.deepEqual(details([BASE], { config: { Labels: { [LABELS.layers]: '["a","b","c"]' } } }), [
      "strata.layers names 3 stages, the image has 1 layers",
    ]);
    assert.deepEqual(details([BASE], { config: { Labels: { [LABELS.layers]: "x" } } }), [
      "strata.layers is not a JSON list of names",
    ]);
  });

  test("a stage of several layers has its name at each of them, by the history that a product has", () => {
    const history = ["FROM base", "RUN apt", "strata: cuda", "strata: cuda", "strata: torch"].map(
      (created_by) => ({
        created_by,
      }),
    );
    const layers = [BASE, layer(file("s")), layer(file("a")), layer(file("b")), layer(file("c"))];
    const told = (label: string) => run(layers, { history, config: { Labels: { [LABELS.layers]: label } } });
    const report = told('["cuda","torch"]');
    assert.deepEqual(
      report.layers.map(({ stage: name }) => name),
      ["system", "system", "cuda", "cuda", "torch"],
    );
    assert.deepEqual([report.systemLayers, report.findings], [2, []]);
    assert.deepEqual(
      told('["cuda","python"]').findings.map(({ code }) => code),
      ["stage-names"],
    );
  });

  test("a file that is no whiteout, and links that somebody replaced, are told of once", () => {
    assert.deepEqual(findings([BASE, layer(file("opt/a.wh.b", { mode: 0o666 }))]), [
      "world-writable warning 2 /opt/a.wh.b",
    ]);
    const replaced = [BASE, layer(link("opt/l", "/no")), layer(link("opt/l", "/lib"))];
    assert.deepEqual(findings(replaced), ["duplicate-path broken 3 /opt/l"]);
    assert.deepEqual(findings([layer(link("opt/l", "/no"))]), [], "the system's own links are left alone");
    for (const target of ["/run/x", "/dev/null", "/sys", "/var/run/y"])
      assert.deepEqual(findings([BASE, layer(link("opt/l", target))]), [], target);
    for (const target of ["/running", "/opt/run/x"])
      assert.equal(findings([BASE, layer(link("opt/l", target))]).length, 1, target);
  });
});

describe("counts of the report", () => {
  test("files are files and hard links, no whiteouts; system layers are the lowest", () => {
    const mixed = layer(
      file("a"),
      entry("hardlink", 0o644)("b"),
      link("c", "a"),
      folder("d"),
      file("e/.wh.f", { size: 0 }),
    );
    const report = run([BASE, mixed, mixed], {}, { systemLayers: 2 });
    assert.deepEqual(
      report.layers.map(({ files }) => files),
      [2, 2, 2],
    );
    assert.deepEqual(
      report.layers.map(({ system }) => system),
      [true, true, false],
    );
    assert.equal(run([BASE, mixed]).unpackedBytes, 20 + 10);
    assert.equal(run([BASE, layer(file("a"))]).largestLayer, 1, "the lowest of two that are equally large");
  });

  test("only paths in two layers count as duplicate bytes, and a warning breaks nothing", () => {
    const same = { size: 2_000_000, sha256: "a" };
    const report = run([BASE, layer(file("a", same)), layer(file("b", same), file("c", { mode: 0o666 }))]);
    assert.equal(report.duplicateBytes, 0);
    assert.equal(report.verdict, "pass");
    assert.equal(report.findings.length, 2);
  });

  test("a number of system layers is a number", () => {
    const count = (label: string) => () =>
      run([BASE], { config: { Labels: { [LABELS.systemLayers]: label } } });
    for (const wrong of ["x1", "1x", "", "12345", "-1"])
      assert.throws(count(wrong), /label strata\.system-layers: expected a number/, wrong);
    assert.throws(count("12"), /fewer than the 12 that are said to be the system image/);
    count("1")();
  });

  test("the history names stages where it has a step for each, shortened", () => {
    const names = (...steps: string[]) =>
      run([BASE, layer(file("a"))], { history: steps.map((created_by) => ({ created_by })) }).layers.map(
        ({ stage }) => stage,
      );
    assert.deepEqual(names("x", `/bin/sh -c #(nop)  COPY   a\n  b ${"y".repeat(50)}`), [
      "system",
      ` COPY a b ${"y".repeat(30)}`,
    ]);
    assert.deepEqual(names("x", "run /bin/sh -c it"), ["system", "run /bin/sh -c it"]);
    assert.deepEqual(names("x", "y", "z"), ["system", "?"]);
    assert.deepEqual(names("only one"), ["system", "?"]);
  });
});

test("every text of the configuration is looked at, with its place", () => {
  const home = "/home/ada/x";
  const found = run([BASE], {
    config: {
      Env: [`A=${home}`, "BARE", "=odd"],
      Entrypoint: ["run", home],
      Cmd: ["serve", home],
      WorkingDir: home,
      Labels: { l: home },
    },
    history: [{}, { comment: `by ${home}` }],
  }).findings.map(({ detail }) => detail);
  const places = ["variable A", "label l", "entrypoint", "command", "working folder", "history step 2"];
  assert.deepEqual(
    found,
    places.map((where) => `/home/ada in ${where}`),
  );
  // Parts of a command are words of their own.
  assert.deepEqual(
    findings([BASE], { config: { Entrypoint: ["/ci", "/build"] } }, { hostPaths: ["/ci/build"] }),
    [],
  );
});

test("homes: that of the image's own user is no host's, and Windows has some too", () => {
  const homes = (text: string, Env: string[] = [], hostPaths: string[] = []) =>
    run([BASE], { config: { Env }, history: [{ created_by: text }] }, { hostPaths })
      .findings.filter(({ detail }) => detail?.includes("history"))
      .map(({ detail }) => detail?.split(" in ")[0]);
  assert.deepEqual(homes("cd /home/bob", ["PATH=/bin", "HOME=/home/bob"]), []);
  assert.deepEqual(homes("cd /home/bob", ["PATH=/home/bob"]), ["/home/bob"]);
  assert.deepEqual(homes("COPY C:\\Users\\ada\\x"), ["C:\\Users\\ada"]);
  assert.deepEqual(homes("COPY C:\\\\Users\\\\ada.b"), ["C:\\\\Users\\\\ada.b"]);
  assert.deepEqual(homes("/home/ada: and '/Users/eve', /home/bob"), ["/home/ada", "/Users/eve", "/home/bob"]);
  assert.deepEqual(homes("/home/ada+x"), []);
  assert.deepEqual(homes("/ci/build", [], ["/ci/build"]), ["/ci/build"]);
  assert.deepEqual(homes("/ci/builds x/ci/build", [], ["/ci/build"]), []);
});

test("an entry of a listing is one of six types, and has nothing else in it", () => {
  const right = file("a");
  for (const type of ["file", "directory", "symlink", "hardlink", "device", "fifo"])
    assert.ok(EntrySchema.safeParse({ ...right, type }).success, type);
  for (const change of [{ type: "socket" }, { type: "" }, { more: 1 }])
    assert.ok(!EntrySchema.safeParse({ ...right, ...change }).success);
});
