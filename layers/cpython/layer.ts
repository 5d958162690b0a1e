import type { Component } from "../../lib/bill/component.ts";
import { filePurl, programPurl } from "../../lib/bill/purl.ts";
import { type Layer, type LayerContext, ownPython } from "../../lib/recipe/layer.ts";

/** The interpreter of a stack whose base image brings another one: with it, no base decides what Python an image has. */
export const cpython: Layer = {
  name: "cpython",
  summary: "CPython beside the distribution's, so that the base image does not decide which one it is",
  included: (context) => context.cpython !== undefined,
  parents: () => [],
  shared: [
    "shared/fetch-packages.sh",
    "shared/install-packages.sh",
    "shared/trust.sh",
    "shared/compile-python.sh",
    "shared/finish.sh",
  ],
  // What compiling it takes; an archive that is compiled already leaves it alone.
  apt: () => [
    "ca-certificates",
    "gcc",
    "libbz2-dev",
    "libffi-dev",
    "liblzma-dev",
    "libncurses-dev",
    "libreadline-dev",
    "libsqlite3-dev",
    "libssl-dev",
    "libzstd-dev",
    "make",
    "pkg-config",
    "uuid-dev",
    "xz-utils",
    "zlib1g-dev",
  ],
  args: ({ python, cpython: pin }) => ({
    PYTHON: python,
    ...(pin && {
      KIND: pin.kind,
      VERSION: pin.version,
      URL: pin.url,
      HASH: pin.sha256,
      PACKAGE: pin.package ?? "",
    }),
  }),
  pins: ({ base, cpython: pin }) => ({
    [base.name]: base.digest,
    ...(pin && { cpython: `${pin.version} ${pin.sha256}` }),
  }),
  owns: () => [ownPython],
  components: (context) => cpythonComponents(context),
};

function cpythonComponents({ python, cpython: pin }: LayerContext): Omit<Component, "stage">[] {
  if (!pin) return [];
  const { kind, version, url, sha256 } = pin;
  const gil = python.endsWith("t") ? ", without the GIL" : "";
  return [
    {
      kind: "compiled",
      name: "cpython",
      version,
      purl: programPurl("cpython", version),
      licence: "PSF-2.0",
      paths: [ownPython],
      source: { purl: filePurl("cpython", url, sha256), hashes: [`sha256:${sha256}`] },
      comment:
        kind === "source" ? `Compiled here${gil}.` : `As python-build-standalone has compiled it${gil}.`,
    },
  ];
}
