/**
 * What packages are built with that exist only as source. One set for all of them, from the lock: what a package asks
 * for itself (build-system.requires) is never resolved while building.
 */
export const wheelBuildRequirements: readonly string[] = [
  "cmake",
  "cython",
  "flit-core",
  "hatchling",
  "ninja",
  "numpy",
  "packaging",
  "poetry-core",
  "pybind11",
  "scikit-build-core",
  "setuptools",
  "wheel",
];
