/* Plays libcuda.so.1 with host memory and a clock that only copies move on: by 1 ms for each byte.
 *
 * Every call but those that ask for a device fails in a thread without a context, as the real
 * ones do. STUB_STATUS is what cuInit answers, STUB_FULL makes memory run out. Declared as in
 * cuda.h of CUDA 13, by exported names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201 };

typedef unsigned long long CUdeviceptr;

static int shared;
static __thread void *current;
static float now_ms;

#define NEED_CONTEXT if (current != &shared) return INVALID_CONTEXT

int cuInit(unsigned int flags)
{
    const char *status = getenv("STUB_STATUS");
    return flags ? INVALID_VALUE : status ? atoi(status) : OK;
}

int cuGetErrorName(int status, const char **name)
{
    *name = status == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE"
        : status == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
        : status == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT" : NULL;
    return *name ? OK : INVALID_VALUE;
}

int cuDeviceGet(int *device, int ordinal)
{
    *device = ordinal;
    return ordinal ? INVALID_VALUE : OK;
}

int cuDeviceGetName(char *name, int length, int device)
{
    strncpy(name, "Orin", length);
    return device ? INVALID_VALUE : OK;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    *value = attribute == 75 ? 8 : attribute == 76 ? 7 : -1;
    return device ? INVALID_VALUE : OK;
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
    *context = &shared;
    return device ? INVALID_VALUE : OK;
}

int cuCtxSetCurrent(void *context)
{
    current = context;
    return OK;
}

int cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)
{
    NEED_CONTEXT;
    *address = getenv("STUB_FULL") ? 0 : (CUdeviceptr)(uintptr_t)malloc(bytes);
    return *address ? OK : OUT_OF_MEMORY;
}

static int copy(void *target, const void *source, size_t bytes, void *stream)
{
    NEED_CONTEXT;
    if (!stream)
        return INVALID_VALUE;
    memcpy(target, source, bytes);
    now_ms += bytes;
    return OK;
}

int cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, void *stream)
{
    return copy((void *)(uintptr_t)target, source, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, void *stream)
{
    return copy(target, (const void *)(uintptr_t)source, bytes, stream);
}

static int made(void **handle, unsigned int flags)
{
    NEED_CONTEXT;
    *handle = malloc(sizeof(float));
    return flags ? INVALID_VALUE : OK;
}

int cuStreamCreate(void **stream, unsigned int flags) { return made(stream, flags); }
int cuEventCreate(void **event, unsigned int flags) { return made(event, flags); }

int cuStreamSynchronize(void *stream)
{
    NEED_CONTEXT;
    return stream ? OK : INVALID_VALUE;
}

int cuEventRecord(void *event, void *stream)
{
    NEED_CONTEXT;
    *(float *)event = now_ms;
    return stream ? OK : INVALID_VALUE;
}

int cuEventElapsedTime(float *span_ms, void *start, void *end)
{
    NEED_CONTEXT;
    *span_ms = *(float *)end - *(float *)start;
    return OK;
}

int cuEventDestroy_v2(void *event)
{
    NEED_CONTEXT;
    free(event);
    return OK;
}
