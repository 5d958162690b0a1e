/** What two others build of the same contents: one Dockerfile in the field's order, and a multi-stage one. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Contents, startFiles } from "./contents.ts";
import { cudaPackages, imageGroups, nodeGroups, nodePrefix, type PackageGroup } from "./peer-packages.ts";

/** The peers, as tables call them. */
export const peers = { one: "one Dockerfile", stages: "multi-stage" } as const;
export type Peer = keyof typeof peers;

/** Fetches repositories at their commits: `folder address commit` a line, submodules behind their repository. */
const fetchScript = `#!/bin/sh
# install_nodes.sh FOLDER < lines of "path address commit"
set -eu
while read -r path address commit; do
  mkdir -p "$1/$path" && cd "$1/$path"
  git init -q . && git fetch -q --depth=1 "$address" "$commit" && git checkout -q FETCH_HEAD && rm -rf .git
  cd /
done
`;

const gitScript = `#!/bin/sh
# install_git.sh < lines of "name address commit"
set -eu
while read -r name address commit; do
  mkdir -p "/tmp/git/$name" && cd "/tmp/git/$name"
  git init -q . && git fetch -q --depth=1 "$address" "$commit" && git checkout -q FETCH_HEAD
  /opt/toolbox/bin/uv pip install -q --python /opt/venv/bin/python --no-cache --no-deps .
  cd / && rm -rf /tmp/git
done
`;

/** Writes both Dockerfiles and all that they copy to `folder`; files of an earlier call that stay alike keep their content. */
export function writePeerFiles(folder: string, contents: Contents): void {
  rmSync(folder, { recursive: true, force: true });
  const write = (path: string, text: string | Uint8Array) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const name of ["system", "toolbox", "llama-source", "llama-cpp"])
    for (const file of contents.stages.get(name)?.files ?? []) write(`${name}/${file.path}`, file.content);
  write("trust.sh", readFileSync(join(contents.root, "layers/shared/trust.sh")));
  write("install_nodes.sh", fetchScript);
  write("install_git.sh", gitScript);
  for (const group of [cudaPackages(contents), ...imageGroups(contents), ...nodeGroups(contents)]) {
    write(`requirements/${group.name}.txt`, group.requirements);
    write(`requirements/${group.name}-git.txt`, group.git.map((line) => `${line}\n`).join(""));
  }
  const { comfyui } = contents.context;
  const lines = (path: string, fetches: readonly { path: string; location: string; commit: string }[]) =>
    fetches.map((fetch) => `${join(path, fetch.path)} ${fetch.location} ${fetch.commit}\n`);
  const own = contents.stages.has("comfyui") ? (comfyui?.fetches ?? []) : [];
  write("comfyui.txt", lines(".", own).join(""));
  // One list for all groups, as the field has it.
  const nodes = comfyui?.nodes ?? [];
  write(
    "nodes.txt",
    nodes
      .flatMap((node) => lines(node.folder, node.fetches).map((line) => `${nodePrefix}${node.group} ${line}`))
      .join(""),
  );
  cpSync(startFiles(contents.root), join(folder, "start"), { recursive: true });
  write("Dockerfile.one", oneDockerfile(contents));
  write("Dockerfile.stages", multiStage(contents));
}

const secret = "--mount=type=secret,id=ca";
const trust = "--mount=type=bind,source=trust.sh,target=/context/trust.sh";
const nodesFolder = "/opt/comfyui/custom_nodes";

/** The distribution's packages, compilers too: the field's images have them. */
const system = [
  "ARG VOLUME=/workspace",
  `RUN ${secret} --mount=type=bind,source=system,target=/context sh -eu /context/install.sh`,
  `RUN ${secret} --mount=type=bind,source=toolbox,target=/context sh -eu /context/install.sh && apt-get -qq install git >/dev/null`,
];

const virtualEnvironment = ({ context }: Contents) =>
  `RUN /opt/toolbox/bin/uv venv -q --python /usr/bin/python${context.python} /opt/venv`;

function install({ name, requirements, git }: PackageGroup): string[] {
  const uv =
    "/opt/toolbox/bin/uv pip install -q --python /opt/venv/bin/python --no-cache --no-deps --require-hashes";
  const from = `/tmp/requirements/${name}`;
  const work = [
    ...(requirements ? [`${uv} --requirement ${from}.txt`] : []),
    ...(git.length > 0 ? [`sh /tmp/install_git.sh <${from}-git.txt`] : []),
  ];
  if (work.length === 0) return [];
  return [
    `COPY requirements/${name}.txt requirements/${name}-git.txt /tmp/requirements/`,
    ...(git.length > 0 ? ["COPY install_git.sh /tmp/"] : []),
    `RUN ${secret} ${trust} . /context/trust.sh && ${work.join(" && ")}`,
  ];
}

/** llama-server by strata's own scripts, as it is the same work for all; nothing where the image has none. */
function llama({ stages, context }: Contents, libraries: string): string[] {
  const [source, compiled] = ["llama-source", "llama-cpp"].map((name) => stages.get(name));
  if (!source || !compiled || context.llama.source !== "sdist") return [];
  const mounts = ["llama-source", "llama-cpp"].map(
    (name) => `--mount=type=bind,source=${name},target=/contexts/${name}`,
  );
  const work = [
    "rm -rf /context && ln -s /contexts/llama-source /context",
    '. /context/trust.sh && /opt/toolbox/bin/python /context/fetch_sdist.py llama-cpp-python "$SDIST_VERSION" "$SDIST_HASH" /sdist.tar.gz',
    "mkdir /source && tar -xzf /sdist.tar.gz -C /source --strip-components=3 --wildcards '*/vendor/llama.cpp'",
    "rm -r /sdist.tar.gz /source/.git && sh -eu /context/fetch-page.sh && sh -eu /context/build.sh",
    "rm -rf /context /source && mv /out/llama.cpp /source && rm -r /out && ln -s /contexts/llama-cpp /context",
    "sh -eu /context/fetch-compiler.sh",
    "bash -eu /context/build.sh && cp -a /out/. / && rm -rf /context /out /source /build /page /opt/node /opt/nvcc /opt/cuda",
  ];
  return [
    ...Object.entries({ ...source.args, ...compiled.args }).map(
      ([name, value]) => `ARG ${name}=${JSON.stringify(value)}`,
    ),
    `RUN ${secret} ${mounts.join(" ")} ${libraries} ${work.join(" && ")}`,
  ];
}

/** Whether llama.cpp links to CUDA, which is then below it. */
function wantsCuda({ stages }: Contents): boolean {
  return (stages.get("llama-cpp")?.args.CUDA_ARCHITECTURES ?? "") !== "";
}

/** Seed 000's eighteen layers: what changes least first, one list of nodes above all groups. */
function oneDockerfile(contents: Contents): string {
  const isComfyUi = contents.context.comfyui !== undefined;
  const early = wantsCuda(contents);
  const groups = nodeGroups(contents).flatMap((group) => [
    `RUN grep '^${group.name} ' /tmp/nodes.txt | cut -d' ' -f2- | sh /tmp/install_nodes.sh ${nodesFolder}`,
    ...install(group),
  ]);
  return [
    "FROM base",
    ...system,
    // In place of an image of CUDA's toolkit.
    ...(early
      ? [
          virtualEnvironment(contents),
          ...install(cudaPackages(contents)),
          "RUN mkdir /stages && ln -s / /stages/cuda",
        ]
      : []),
    ...llama(contents, ""),
    ...(early ? [] : [virtualEnvironment(contents)]),
    ...imageGroups(contents).flatMap(install),
    ...(isComfyUi
      ? [
          "COPY comfyui.txt install_nodes.sh /tmp/",
          "RUN sh /tmp/install_nodes.sh /opt/comfyui </tmp/comfyui.txt",
          "COPY nodes.txt /tmp/",
          ...groups,
        ]
      : []),
    "RUN rm -rf /tmp/* /root/.cache /var/lib/apt/lists/*",
    "COPY start/bootstrap.py /opt/start/",
    "COPY start /opt/start",
    'ENTRYPOINT ["/opt/start/entrypoint"]',
    "",
  ].join("\n");
}

/** Seed 002's: nodes and packages in stages of their own, which the last one copies from. */
function multiStage(contents: Contents): string {
  const isComfyUi = contents.context.comfyui !== undefined;
  const hasLlama = contents.stages.has("llama-cpp");
  const nodes = nodeGroups(contents).map(
    ({ name }) =>
      `RUN grep '^${name} ' /tmp/nodes.txt | cut -d' ' -f2- | sh /tmp/install_nodes.sh ${nodesFolder}`,
  );
  return [
    "FROM base AS tools",
    ...system,
    "FROM tools AS cuda",
    virtualEnvironment(contents),
    ...(wantsCuda(contents) ? install(cudaPackages(contents)) : []),
    "FROM tools AS llama",
    ...llama(contents, wantsCuda(contents) ? "--mount=type=bind,from=cuda,target=/stages/cuda" : ""),
    "FROM cuda AS packages",
    ...[...imageGroups(contents), ...nodeGroups(contents)].flatMap(install),
    ...(isComfyUi
      ? [
          "FROM tools AS custom_nodes",
          "COPY comfyui.txt install_nodes.sh /tmp/",
          "RUN sh /tmp/install_nodes.sh /opt/comfyui </tmp/comfyui.txt",
          "COPY nodes.txt /tmp/",
          ...nodes,
        ]
      : []),
    "FROM tools",
    ...(hasLlama ? ["COPY --from=llama /opt/llama.cpp /opt/llama.cpp"] : []),
    "COPY --from=packages /opt/venv /opt/venv",
    ...(isComfyUi ? ["COPY --from=custom_nodes /opt/comfyui /opt/comfyui"] : []),
    "COPY start /opt/start",
    'ENTRYPOINT ["/opt/start/entrypoint"]',
    "",
  ].join("\n");
}
