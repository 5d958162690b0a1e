/* NVIDIA's libnvidia-ml in small, as pynvml calls it (nvidia-ml-py 13.615: nvmlInitWithFlags, ..._v2): FAKE_GPUS of them.
 * The last one has no sensors and no rates, as a slice of a GPU (MIG) has none: NVML_ERROR_NOT_SUPPORTED is 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned count(void) {
  const char *text = getenv("FAKE_GPUS");
  return text ? (unsigned)atoi(text) : 1;
}

static int sliced(void *device) { return count() > 1 && (unsigned long)device == count(); }

int nvmlInitWithFlags(unsigned flags) { return getenv("FAKE_NVML_ERROR") ? atoi(getenv("FAKE_NVML_ERROR")) : (int)flags; }
int nvmlDeviceGetCount_v2(unsigned *number) { *number = count(); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(unsigned long)(index + 1); return 0; }
int nvmlSystemGetDriverVersion(char *version, unsigned length) { snprintf(version, length, "610.43.02"); return 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned length) { (void)device; snprintf(name, length, "NVIDIA GeForce RTX 4090"); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
  (void)device;
  memory[0] = 25757220864ULL; memory[2] = 15461882265ULL; memory[1] = memory[0] - memory[2];
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, unsigned *rates) { rates[0] = 87; rates[1] = 41; return sliced(device) ? 3 : 0; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { (void)sensor; *degrees = 64; return sliced(device) ? 3 : 0; }
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { *milliwatts = 312400; return sliced(device) ? 3 : 0; }
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts) { *milliwatts = 450000; return sliced(device) ? 3 : 0; }
const char *nvmlErrorString(int error) { return error == 3 ? "Not Supported" : "Unknown Error"; }
