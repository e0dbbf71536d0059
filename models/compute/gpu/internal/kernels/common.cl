// One source for OpenCL and, compiled ahead to PTX, for CUDA.
//
// Every kernel has the same arguments: the memory of the plan, the parameters,
// a table of numbers, and where in the table its description begins. A tensor
// is a number t: block t of UNIT floats of the plan's memory, or, where t is
// negative, block ~t of the parameters.

#define UNIT 32
#define ARGS __global float *mem, __global float *par, __global const int *tab, int desc
#define AT(t) ((t) >= 0 ? mem + (size_t)(t) * UNIT : par + (size_t)(~(t)) * UNIT)
#define UNROLL _Pragma("unroll")
#define UNROLL_FEW _Pragma("unroll 4")
#define GROUP(n) __attribute__((reqd_work_group_size(n, 1, 1)))

// leaky is x, or LeakyReLU of it.
static inline float leaky(float x, int kind, float c) { return x > 0 || !kind ? x : c * x; }

// activate is what follows a product: nothing, LeakyReLU or sigmoid.
static inline float activate(float x, int kind, float c) {
	if (kind == 1)
		return x > 0 ? x : c * x;
	if (kind == 2)
		return 1 / (1 + exp(-x));
	return x;
}

// fill: [tensor, size, value]
__kernel GROUP(256) void fill(ARGS) {
	__global const int *d = tab + desc;
	__global float *y = AT(d[0]);
	float v = as_float(d[2]);
	for (int i = get_global_id(0); i < d[1]; i += get_global_size(0))
		y[i] = v;
}

// carry: [to, from, size, clamped, low, high]. NaN stays NaN.
__kernel GROUP(256) void carry(ARGS) {
	__global const int *d = tab + desc;
	__global float *y = AT(d[0]);
	__global const float *x = AT(d[1]);
	float low = as_float(d[4]), high = as_float(d[5]);
	for (int i = get_global_id(0); i < d[2]; i += get_global_size(0)) {
		float v = x[i];
		if (d[3])
			v = v < low ? low : v > high ? high : v;
		y[i] = v;
	}
}

// keep: [history, from, size, counter]: row number *counter of the history.
__kernel GROUP(256) void keep(ARGS) {
	__global const int *d = tab + desc;
	int row = *(__global const int *)AT(d[3]);
	__global float *y = AT(d[0]) + (size_t)row * d[2];
	__global const float *x = AT(d[1]);
	for (int i = get_global_id(0); i < d[2]; i += get_global_size(0))
		y[i] = x[i];
}

// tick: [counter]: one more.
__kernel GROUP(1) void tick(ARGS) {
	__global int *n = (__global int *)AT(tab[desc]);
	*n += 1;
}

// resample: [to, from, planes, small z, y, x, full z, y, x, factor z, y, x, sum]
// repeats every element of the small tensor, or sums what was repeated.
__kernel GROUP(256) void resample(ARGS) {
	__global const int *d = tab + desc;
	__global float *y = AT(d[0]);
	__global const float *x = AT(d[1]);
	int sz = d[3], sy = d[4], sx = d[5], fz = d[6], fy = d[7], fx = d[8], z2 = d[9], y2 = d[10], x2 = d[11], sum = d[12];
	int n = d[2] * (sum ? sz * sy * sx : fz * fy * fx);
	for (int i = get_global_id(0); i < n; i += get_global_size(0)) {
		if (!sum) {
			int px = i % fx, r = i / fx;
			int py = r % fy;
			r /= fy;
			int pz = r % fz, plane = r / fz;
			y[i] = x[((plane * sz + pz / z2) * sy + py / y2) * sx + px / x2];
			continue;
		}
		int px = i % sx, r = i / sx;
		int py = r % sy;
		r /= sy;
		int pz = r % sz, plane = r / sz;
		float s = 0;
		for (int a = pz * z2; a < min(fz, (pz + 1) * z2); a++)
			for (int b = py * y2; b < min(fy, (py + 1) * y2); b++)
				for (int c = px * x2; c < min(fx, (px + 1) * x2); c++)
					s += x[((plane * fz + a) * fy + b) * fx + c];
		y[i] = s;
	}
}
