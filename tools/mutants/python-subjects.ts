/** What mutants of Python are made of, and the tests that have to notice each: those that are quick, by subject. */
export interface PythonSubject {
  readonly name: string;
  /** Where the modules are, below the repository. */
  readonly folder: string;
  /** Without `.py`. */
  readonly modules: readonly string[];
  /** Folder of the tests, and what unittest calls those that are meant. */
  readonly tests: "smoke/tests" | "tests/python";
  readonly names: readonly string[];
}

const rootfs = (layer: string, folder: string) => `layers/${layer}/rootfs/opt/strata/${folder}`;

export const pythonSubjects: readonly PythonSubject[] = [
  {
    name: "smoke: reading and judging",
    folder: "smoke/lib",
    modules: ["check", "image", "node_log", "nodes", "png", "redact", "result"],
    tests: "smoke/tests",
    names: ["test_check", "test_node_log", "test_nodes", "test_png", "test_redact"],
  },
  {
    name: "smoke: the host",
    folder: "smoke/lib",
    modules: ["host"],
    tests: "smoke/tests",
    names: ["test_driver"],
  },
  {
    name: "smoke: attention and torch",
    folder: "smoke/checks",
    modules: ["30_torch", "40_attention"],
    tests: "smoke/tests",
    names: ["test_torch", "test_attention"],
  },
  {
    name: "smoke: libraries",
    folder: "smoke/lib/libraries",
    modules: ["elf", "fatbin", "gpu_boxes", "optional_libraries", "trimmed"],
    tests: "smoke/tests",
    names: ["test_libraries"],
  },
  {
    name: "instance: the workspace",
    folder: rootfs("instance", "instance/strata_instance"),
    modules: ["file_tree", "merge", "sync"],
    tests: "tests/python",
    names: ["test_instance_sync"],
  },
  {
    name: "instance: applications, variables, shells",
    folder: rootfs("instance", "instance/strata_instance"),
    modules: ["cuda", "homes", "portal_config", "shells", "thread_limits", "variables"],
    tests: "tests/python",
    names: ["test_instance_portal", "test_instance_parts"],
  },
  {
    name: "runtime: services that die",
    folder: rootfs("runtime", "runtime"),
    modules: ["crash_guard"],
    tests: "tests/python",
    names: ["test_crash_guard"],
  },
  {
    name: "runtime: what services say",
    folder: rootfs("runtime", "runtime"),
    modules: ["last_words", "log_watch"],
    tests: "tests/python",
    names: ["test_bootstrap", "test_worker_parts"],
  },
  {
    name: "runtime: the start",
    folder: rootfs("runtime", "runtime/preparation"),
    modules: ["access", "environment", "library", "manager", "nodes", "options", "volume"],
    tests: "tests/python",
    names: ["test_start", "test_library", "test_volume", "test_bootstrap"],
  },
  {
    name: "runtime: what runs",
    folder: rootfs("runtime", "runtime/preparation"),
    modules: ["driver", "secret_names", "services"],
    tests: "tests/python",
    names: ["test_services", "test_secrets"],
  },
  {
    name: "studio: requests, files and messages",
    folder: rootfs("studio-backend", "studio/strata_studio"),
    modules: ["gate", "inventory", "progress"],
    tests: "tests/python",
    names: ["test_studio"],
  },
  {
    name: "studio: workflows",
    folder: rootfs("studio-backend", "studio/strata_studio"),
    modules: ["workflows"],
    tests: "tests/python",
    names: ["test_workflows"],
  },
  {
    name: "model-fetch",
    folder: rootfs("model-fetch", "model-fetch/strata_models"),
    modules: ["access", "fetch", "manifest", "place", "progress", "source", "transfer"],
    tests: "tests/python",
    names: ["test_fetch_models.OneConnection", "test_fetch_models.Tokens", "test_fetch_models.Manifest"],
  },
  {
    name: "worker",
    folder: rootfs("runpod-worker", "worker/strata_worker"),
    modules: ["failure", "input_files", "leftovers", "progress", "redact", "request", "results", "settings"],
    tests: "tests/python",
    names: ["test_worker_parts"],
  },
  {
    name: "gpu code",
    folder: "layers/shared",
    modules: ["gpu_code", "trim_gpu_code"],
    tests: "tests/python",
    names: ["test_gpu_code", "test_trim_gpu_code"],
  },
  {
    name: "nodes",
    folder: "layers/nodes",
    modules: ["assemble"],
    tests: "tests/python",
    names: ["test_assemble"],
  },
];
