/* NVIDIA's driver in small: libcuda and libnvidia-ml in one library, with one GPU whose memory is the host's. What the
 * environment says of it: FAKE_INIT (what cuInit answers), FAKE_GPUS, FAKE_CAPABILITY (89 for 8.9), FAKE_DRIVER,
 * FAKE_FREE (bytes), and FAULT. */
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text ? atoi(text) : otherwise;
}

static int is_fault(const char *name) {
  const char *fault = getenv("FAULT");
  return fault && !strcmp(fault, name);
}

/* libcuda */

int cuInit(unsigned flags) {
  if (is_fault("crashes")) abort();
  if (is_fault("hangs")) sleep(60);
  return flags ? 1 : number("FAKE_INIT", 0);
}

int cuGetErrorName(int error, const char **name) {
  *name = error == 100 ? "CUDA_ERROR_NO_DEVICE" : 0;
  return *name ? 0 : 1;
}

int cuDeviceGetCount(int *count) {
  *count = number("FAKE_GPUS", 1);
  return 0;
}

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return 0;
}

int cuDeviceGetName(char *name, int length, int device) {
  snprintf(name, length, "Fake GPU %d", device);
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int capability = number("FAKE_CAPABILITY", 89);
  *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : -1;
  return device;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = (size_t)24 << 30;
  return device;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = (void *)(uintptr_t)0x7fff00001234; /* more than 32 bits */
  return device;
}

int cuDevicePrimaryCtxRelease_v2(int device) { return device; }

int cuCtxSetCurrent(void *context) { return context == (void *)(uintptr_t)0x7fff00001234 ? 0 : 201; }

int cuCtxSynchronize(void) { return is_fault("kernel-dies") ? 700 : 0; }

int cuMemAlloc_v2(uint64_t *address, size_t size) {
  if (is_fault("no-memory")) return 2;
  *address = (uint64_t)(uintptr_t)malloc(size);
  return 0;
}

int cuMemFree_v2(uint64_t address) {
  free((void *)(uintptr_t)address);
  return 0;
}

int cuMemsetD32_v2(uint64_t address, unsigned value, size_t count) {
  uint32_t *numbers = (uint32_t *)(uintptr_t)address;
  for (size_t at = 0; at < count; at++) numbers[at] = value;
  if (is_fault("memory")) numbers[count / 2] ^= 1;
  return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t address, size_t size) {
  memcpy(to, (void *)(uintptr_t)address, size);
  return 0;
}

int cuModuleLoadData(void **module, const char *ptx) {
  if (is_fault("no-compiler")) return 221;
  *module = (void *)ptx;
  return strstr(ptx, ".visible .entry squares(") ? 0 : 218;
}

int cuModuleUnload(void *module) { return module ? 0 : 1; }

int cuModuleGetFunction(void **function, void *module, const char *name) {
  *function = module;
  return strcmp(name, "squares") ? 500 : 0;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **parameters, void **extra) {
  if (!function || grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || shared || stream || extra) return 1;
  if (is_fault("no-kernel-image")) return 209;
  uint32_t *numbers = (uint32_t *)(uintptr_t) * (uint64_t *)parameters[0];
  uint32_t count = *(uint32_t *)parameters[1];
  for (uint32_t at = 0; at < count && at < grid_x * block_x; at++) numbers[at] = at * at;
  return 0;
}

/* libnvidia-ml */

int nvmlInit_v2(void) { return is_fault("no-nvml") ? 1 : 0; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
  const char *text = getenv("FAKE_DRIVER");
  snprintf(version, length, "%s", text ? text : "595.64");
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  *device = (void *)(uintptr_t)(index + 1);
  return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
  const char *text = getenv("FAKE_FREE");
  memory[0] = 24ull << 30;
  memory[1] = text ? strtoull(text, 0, 10) : 20ull << 30;
  memory[2] = memory[0] - memory[1];
  return device ? 0 : 1;
}
