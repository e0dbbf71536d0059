// A stand-in for NVIDIA's library, with which the calls of package driver are
// tried where there is no card: device memory is host memory, and one kernel,
// doubling, runs here. It checks what a driver would check: that a context is
// current, that addresses are inside allocations, and that nothing but work for
// the stream is called during a capture. Two more kernels fault, and keep their
// stream busy until another one gets a copy.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { void *stream; int kind; void *to; const void *from; size_t n; int groups, local; float *y; int add; } op;
enum { COPY, DOUBLE, FAULT, WAIT };

typedef struct { int broken; } context;
static _Thread_local context *current;
static int module, capturing;
static op recorded[64];
static int n_recorded;
static char *blocks[64];
static size_t sizes[64], used;
static context *owners[64];
static void *_Atomic waiting; // a stream that is busy until another one gets a copy from the host

static int need(void) { return !current ? 201 : current->broken ? 700 : 0; }
static int inside(uint64_t at, size_t n) {
	for (int i = 0; i < 64; i++)
		if (blocks[i] && (char *)at >= blocks[i] && (char *)at + n <= blocks[i] + sizes[i])
			return 1;
	return 0;
}
static int perform(op o) {
	if (o.kind == COPY)
		memcpy(o.to, o.from, o.n);
	else if (o.kind == FAULT)
		current->broken = 1;
	else if (o.kind == WAIT)
		waiting = o.stream;
	else
		for (int i = 0; i < o.groups * o.local; i++)
			o.y[i] = 2 * o.y[i] + o.add;
	return 0;
}
static int add(op o) {
	if (capturing) {
		recorded[n_recorded++] = o;
		return 0;
	}
	return perform(o);
}

int cuInit(unsigned f) { return f ? 1 : 0; }
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuDeviceGetCount(int *n) { *n = 1; return 0; }
int cuDeviceGet(int *d, int i) { *d = 7; return i ? 101 : 0; }
int cuDeviceGetName(char *s, int n, int d) { snprintf(s, n, "stand-in"); return d == 7 ? 0 : 101; }
int cuDeviceTotalMem_v2(size_t *n, int d) { *n = (size_t)4 << 30; return d == 7 ? 0 : 101; }
int cuDeviceGetAttribute(int *v, int a, int d) {
	*v = a == 1 ? 1024 : a == 8 ? 49152 : a == 16 ? 3 : a == 75 ? 9 : a == 76 ? 0 : -1;
	return d == 7 ? 0 : 101;
}
int cuCtxCreate_v2(void **c, unsigned f, int d) { *c = current = calloc(1, sizeof *current); return d == 7 && !f ? 0 : 1; }
static void release(int i) {
	used -= sizes[i];
	free(blocks[i]);
	blocks[i] = 0;
}
int cuCtxDestroy_v2(void *c) { // with all its memory, also after a fault
	for (int i = 0; i < 64; i++)
		if (blocks[i] && owners[i] == c) release(i);
	if (current == c) current = 0;
	return c ? 0 : 201;
}
int cuCtxSetCurrent(void *c) { current = c; return 0; }
int cuCtxSynchronize(void) { return need(); }
int cuMemGetInfo_v2(size_t *f, size_t *t) { *f = ((size_t)3 << 30) - used; *t = (size_t)4 << 30; return need(); }
int cuMemAlloc_v2(uint64_t *p, size_t n) {
	if (need()) return need();
	if (capturing) return 900;
	if (n > (size_t)4 << 30) return 2;
	for (int i = 0; i < 64; i++)
		if (!blocks[i]) {
			blocks[i] = malloc(n);
			used += sizes[i] = n;
			owners[i] = current;
			memset(blocks[i], 0xAA, n);
			*p = (uint64_t)blocks[i];
			return 0;
		}
	return 2;
}
int cuMemFree_v2(uint64_t p) {
	if (need()) return need();
	for (int i = 0; i < 64; i++)
		if (blocks[i] == (char *)p) {
			release(i);
			return 0;
		}
	return 1;
}
int cuMemsetD8_v2(uint64_t p, unsigned char v, size_t n) {
	if (!inside(p, n)) return 1;
	memset((void *)p, v, n);
	return need();
}
int cuMemHostRegister_v2(void *p, size_t n, unsigned f) { return p && n && !f ? need() : 1; }
int cuMemHostUnregister(void *p) { return need(); }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *s) {
	if (need()) return need();
	if (!inside(to, n) || !s) return 1;
	if (s != waiting) waiting = 0;
	return capturing ? 901 : perform((op){s, COPY, (void *)to, from, n});
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n, void *s) {
	if (need()) return need();
	if (!inside(from, n) || !s) return 1;
	return capturing ? 901 : perform((op){s, COPY, to, (void *)from, n});
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void *s) {
	if (need()) return need();
	if (!inside(from, n) || !inside(to, n) || !s) return 1;
	return add((op){s, COPY, (void *)to, (void *)from, n});
}
int cuModuleLoadDataEx(void **m, const char *image, unsigned n, int *o, void **v) {
	if (need()) return need();
	if (n != 2 || o[0] != 5 || o[1] != 6 || (size_t)v[1] < 1000) return 1;
	if (!strstr(image, ".target sm_80")) {
		snprintf(v[0], (size_t)v[1], "stand-in: no PTX for sm_80");
		return 218;
	}
	*m = &module;
	return 0;
}
int cuModuleUnload(void *m) { return m == &module ? need() : 1; }
int cuModuleGetFunction(void **f, void *m, const char *name) {
	if (need()) return need();
	*f = (void *)(intptr_t)(strcmp(name, "doubling") == 0 ? 1 : strcmp(name, "faulting") == 0 ? 2 : strcmp(name, "waiting") == 0 ? 3 : 0);
	return *f ? 0 : 500;
}
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *s, void **args, void **extra) {
	if (need()) return need();
	if (gy != 1 || gz != 1 || by != 1 || bz != 1 || shared || !s || extra) return 1;
	if (f == (void *)2) return add((op){s, FAULT});
	if (f == (void *)3) return add((op){s, WAIT});
	uint64_t y = *(uint64_t *)args[0];
	if (!inside(y, 4 * gx * bx)) return 700;
	return add((op){s, DOUBLE, 0, 0, 0, gx, bx, (float *)y, *(int *)args[1]});
}
int cuStreamCreate(void **s, unsigned f) { *s = malloc(1); return f == 1 ? need() : 1; }
int cuStreamDestroy_v2(void *s) { free(s); return s ? need() : 1; }
static _Atomic int queries;
int cuStreamQuery(void *s) { return need() ? need() : s == waiting || queries++ % 3 ? 600 : 0; }
int cuStreamBeginCapture_v2(void *s, int mode) { capturing = 1; n_recorded = 0; return mode == 1 ? need() : 1; }
int cuStreamEndCapture(void *s, void **g) {
	op *all = malloc(sizeof recorded + sizeof(int));
	capturing = 0;
	memcpy(all, recorded, sizeof recorded);
	*(int *)(all + 64) = n_recorded;
	*g = all;
	return need();
}
int cuGraphInstantiateWithFlags(void **e, void *g, unsigned long long f) {
	*e = malloc(sizeof recorded + sizeof(int));
	memcpy(*e, g, sizeof recorded + sizeof(int));
	return f ? 1 : need();
}
int cuGraphLaunch(void *e, void *s) {
	if (need()) return need();
	for (int i = 0; i < *(int *)((op *)e + 64); i++)
		perform(((op *)e)[i]);
	return 0;
}
int cuGraphExecDestroy(void *e) { free(e); return 0; }
int cuGraphDestroy(void *g) { free(g); return 0; }
int cuGetErrorName(int e, const char **s) { *s = e == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR"; return 0; }
