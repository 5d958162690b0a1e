import assert from "node:assert/strict";
import { test } from "node:test";
import { isDockerfile, readWorkerDockerfile } from "../../../../lib/import/worker-dockerfile.ts";

/** Of the form that runpod-workers/worker-comfyui shows in its page on customization. */
const from = (...lines: string[]) =>
  readWorkerDockerfile(["FROM runpod/worker-comfyui:5.1.0-base", ...lines].join("\n"), "Dockerfile");
const origins = (...lines: string[]) => from(...lines).nodes.map(({ origin }) => origin);
const models = (...lines: string[]) =>
  from(...lines).models.map(({ folder, name, url }) => `${folder}/${name} ${url}`);
/** Without what is said of every such image. */
const left = (...lines: string[]) =>
  from(...lines).left.filter(({ what }) => !what.startsWith("ComfyUI of "));

test("nodes by name, version and address, over several lines with comments between", () => {
  assert.deepEqual(
    origins(
      "RUN comfy-node-install comfyui-kjnodes@1.1.2 \\",
      "  # why",
      "  comfyui_essentials https://github.com/city96/ComfyUI-GGUF.git",
      'RUN ["comfy", "node", "install", "--mode=remote", "rgthree-comfy"]',
      "RUN comfy --workspace /comfyui node install was-node-suite-comfyui && rm -rf /tmp/x",
    ),
    [
      { registry: "comfyui-kjnodes", version: "1.1.2", repository: null },
      { registry: "comfyui_essentials", version: null, repository: null },
      { repository: "https://github.com/city96/ComfyUI-GGUF", ref: null },
      { registry: "rgthree-comfy", version: null, repository: null },
      { registry: "was-node-suite-comfyui", version: null, repository: null },
    ],
  );
});

test("clones below custom_nodes, with the commit that is checked out after", () => {
  const { nodes, packages } = from(
    "ARG OWNER=kijai",
    "WORKDIR /comfyui/custom_nodes",
    "RUN git clone --depth 1 https://github.com/$OWNER/ComfyUI-KJNodes && cd ComfyUI-KJNodes && git checkout v1.2 && pip install -r requirements.txt",
    "RUN git clone -b dev https://github.com/a/b.git ./other",
    "RUN <<EOF",
    "git clone https://github.com/c/d /comfyui/custom_nodes/d",
    "git -C /comfyui/custom_nodes/d checkout abc",
    "EOF",
    'RUN uv pip install --no-cache-dir "humanize>=4" duckdb torch==2.4',
  );
  assert.deepEqual(
    nodes.map(({ origin, folder }) => ({ ...origin, folder })),
    [
      { repository: "https://github.com/kijai/ComfyUI-KJNodes", ref: "v1.2", folder: null },
      { repository: "https://github.com/a/b", ref: "dev", folder: "other" },
      { repository: "https://github.com/c/d", ref: "abc", folder: null },
    ],
  );
  assert.deepEqual(packages, ["humanize>=4", "duckdb"]);
});

test("models by comfy-cli, wget, curl, aria2 and ADD, each where it would lie", () => {
  assert.deepEqual(
    models(
      "RUN comfy model download --url https://h.co/a?x=1 --relative-path models/vae --filename a.bin",
      "RUN comfy model download --url=https://h.co/dir/b%20c.bin --relative-path=models/loras",
      'RUN wget -q -O /comfyui/models/unet/c.bin "https://h.co/c?a=1&b=2" && curl -L -o models/clip/d.bin https://h.co/d',
      "WORKDIR /comfyui",
      "RUN curl -L https://h.co/e -o models/clip/e.bin > /dev/null 2>&1",
      "RUN aria2c -x 16 -d /comfyui/models/clip -o f.bin https://h.co/f",
      "ADD https://h.co/g.bin /comfyui/models/vae/",
      "ADD https://h.co/h.bin models/vae/other.bin",
    ),
    [
      "models/vae/a.bin https://h.co/a?x=1",
      "models/loras/b c.bin https://h.co/dir/b%20c.bin",
      "models/unet/c.bin https://h.co/c?a=1&b=2",
      "models/clip/d.bin https://h.co/d",
      "models/clip/e.bin https://h.co/e",
      "models/clip/f.bin https://h.co/f",
      "models/vae/g.bin https://h.co/g.bin",
      "models/vae/other.bin https://h.co/h.bin",
    ],
  );
});

test("what no recipe says is listed, each with its reason, and nothing of it gets in", () => {
  const told = left(
    "COPY input/ /comfyui/input/",
    "RUN apt-get update && apt-get install -y ffmpeg",
    "RUN pip install git+https://github.com/a/b torch",
    "RUN comfy-node-install $UNKNOWN `cat nodes` a@nightly",
    "RUN python /setup.py && make -j4 install",
    "RUN wget https://h.co/x.sh -O /x.sh",
    "ENV TOKEN=1",
    "USER root",
    'CMD ["/start.sh"]',
    'ENTRYPOINT ["/mine.sh"]',
  );
  assert.deepEqual(
    told.map(({ what }) => what),
    [
      "node a@nightly",
      "COPY input/ /comfyui/input/",
      "apt-get install -y ffmpeg",
      "package git+https://github.com/a/b",
      "package torch",
      "comfy-node-install … … … a@nightly",
      "python /setup.py",
      "make -j4 install",
      "wget https://h.co/x.sh -O /x.sh",
      "ENV TOKEN=1",
      'ENTRYPOINT ["/mine.sh"]',
    ],
  );
  assert.ok(told.every(({ reason }) => reason.length > 10));
  assert.deepEqual(
    from("RUN git clone --upload-pack=x https://github.com/a/b\\;id /comfyui/custom_nodes/x").nodes,
    [],
  );
});

test("the stages that the last one is made of count, by name; the tag says CUDA, and what is baked in", () => {
  const text = [
    "ARG V=5.8.5-base-cuda12.8.1",
    "FROM alpine AS tools",
    "RUN comfy-node-install not-here",
    "FROM runpod/worker-comfyui:$V AS base",
    "RUN comfy-node-install here",
    "FROM Base",
    "COPY --from=tools /x /y",
  ].join("\n");
  const read = readWorkerDockerfile(text, "Dockerfile");
  assert.deepEqual(
    read.nodes.map(({ origin }) => "registry" in origin && origin.registry),
    ["here"],
  );
  assert.deepEqual([read.cuda, read.isWorker], ["12.8", true]);
  const baked = readWorkerDockerfile("FROM runpod/worker-comfyui:5.1.0-flux1-dev", "Dockerfile");
  assert.match(
    baked.left.map(({ what }) => what).join(),
    /models of runpod\/worker-comfyui:5\.1\.0-flux1-dev/,
  );
});

test("another base is refused by its name, and what is no Dockerfile is none", () => {
  assert.throws(
    () => readWorkerDockerfile("FROM nvidia/cuda:12.8\nRUN x", "Dockerfile"),
    /begins FROM nvidia\/cuda:12\.8/,
  );
  assert.throws(() => readWorkerDockerfile("FROM runpod/worker-comfyui-evil:1", "Dockerfile"), /begins FROM/);
  assert.equal(isDockerfile("hello"), false);
  assert.equal(isDockerfile("# c\nFROM a\n"), true);
});
