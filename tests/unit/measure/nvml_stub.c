/* The part of libnvidia-ml that edgekit asks, for one GPU that doesn't exist. It has no question
 * about graphics processes, as old drivers lack newer questions. */
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9 };

typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu, compute; } Process;
typedef struct { unsigned long long total, free, used; } Memory;

static const char *setting(const char *name) { const char *text = getenv(name); return text ? text : ""; }

int nvmlInitWithFlags(unsigned flags) { return *setting("STUB_BROKEN") ? DRIVER_NOT_LOADED : SUCCESS; }
const char *nvmlErrorString(int code) { return "an error"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **gpu) { *gpu = (void *)1; return SUCCESS; }
int nvmlDeviceGetName(void *gpu, char *name, unsigned size) { strncpy(name, "Stub 9000", size); return SUCCESS; }
int nvmlDeviceGetClockInfo(void *gpu, int kind, unsigned *mhz) { *mhz = kind == 1 ? 1980 : 0; return SUCCESS; }
int nvmlDeviceGetTemperature(void *gpu, int sensor, unsigned *celsius) { *celsius = 61; return SUCCESS; }
int nvmlDeviceGetPowerUsage(void *gpu, unsigned *milliwatts) { return NOT_SUPPORTED; }
int nvmlDeviceGetMemoryInfo(void *gpu, Memory *memory) { memory->used = 5000; return SUCCESS; }

int nvmlDeviceGetCurrentClocksEventReasons(void *gpu, unsigned long long *bits) {
    *bits = strtoull(setting("STUB_REASONS"), NULL, 16);
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *millijoules) {
    static unsigned long long total = 1000;
    *millijoules = total += 7;
    return SUCCESS;
}

/* Two processes: the caller's, if STUB_PID says so, and number 1. */
int nvmlDeviceGetComputeRunningProcesses_v3(void *gpu, unsigned *count, Process *processes) {
    unsigned room = *count, own = strtoul(setting("STUB_PID"), NULL, 10);
    *count = own ? 2 : 1;
    if (room < *count) return INSUFFICIENT_SIZE;
    processes[0] = (Process){1, 111, 0, 0};
    if (own) processes[1] = (Process){own, *setting("STUB_UNTOLD") ? ~0ull : 4096, 0, 0};
    return SUCCESS;
}
