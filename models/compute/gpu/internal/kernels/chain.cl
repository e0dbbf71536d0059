// A chain of element-wise operators runs as instructions over registers in
// local memory: CUDA takes no source at run time.

#define CHAIN_WIDTH 64 // work items
#define CHAIN_EACH 4   // elements of each
#define CHAIN_REGISTERS 16

// spread reads element i of a tensor that expands: [tensor, n, sizes, steps].
static inline float spread(__global float *mem, __global float *par, __global const int *t, int i) {
	int n = t[1], o = 0;
	for (int k = n - 1; k >= 0; k--) {
		int size = t[2 + k], q = i / size;
		o += (i - q * size) * t[2 + n + k];
		i = q;
	}
	return AT(t[0])[o];
}

// element is function f of x, y and the constant c.
static inline float element(int f, float x, float y, float c) {
	switch (f) {
	case 0: return x + y;
	case 1: return x - y;
	case 2: return x * y;
	case 3: return x / y;
	case 4: return c * x;
	case 5: return x + c;
	case 6: return x > 0 ? x : c * x;
	case 7: return x > 0 ? 1.0f : c;
	case 8: return c;
	case 9: return x * x;
	case 10: return fabs(x);
	case 11: return x > 0 ? 1.0f : x < 0 ? -1.0f : x;
	case 12: return 1 / x;
	case 13: return sqrt(x);
	case 14: return exp(x);
	case 15: return log(x);
	case 16: return 1 / (1 + exp(-x));
	case 17: return tanh(x);
	case 18: return fmax(x, 0.0f) + log1p(exp(-fabs(x)));
	}
	return x;
}

// chain: [size, to, instructions, where they begin]. An instruction is [f,
// register or -1, kind of x, x, kind of y, y, c, 0]; kind 0 is a register, 1 a
// tensor, 2 a spread one (where its table begins).
__kernel GROUP(CHAIN_WIDTH) void chain(ARGS) {
	__local float registers[CHAIN_REGISTERS][CHAIN_EACH][CHAIN_WIDTH];
	__global const int *d = tab + desc;
	int size = d[0], n = d[2], lid = get_local_id(0);
	__global float *out = AT(d[1]);
	int first = get_group_id(0) * (CHAIN_EACH * CHAIN_WIDTH) + lid;
	__global const int *code = tab + d[3];
	for (int k = 0; k < n; k++, code += 8) {
		int f = code[0], dst = code[1], kx = code[2], x = code[3], ky = code[4], y = code[5];
		float c = as_float(code[6]);
		for (int e = 0; e < CHAIN_EACH; e++) {
			int i = first + e * CHAIN_WIDTH;
			if (i >= size)
				break;
			float a = 0, b = 0;
			if (kx == 0)
				a = registers[x][e][lid];
			else if (kx == 1)
				a = AT(x)[i];
			else if (kx == 2)
				a = spread(mem, par, tab + x, i);
			if (f < 4) {
				if (ky == 0)
					b = registers[y][e][lid];
				else if (ky == 1)
					b = AT(y)[i];
				else
					b = spread(mem, par, tab + y, i);
			}
			float v = element(f, a, b, c);
			if (dst < 0)
				out[i] = v;
			else
				registers[dst][e][lid] = v;
		}
	}
}

// expand: [size, to, where the spread table begins]
__kernel GROUP(256) void expand(ARGS) {
	__global const int *d = tab + desc;
	__global float *y = AT(d[1]);
	for (int i = get_global_id(0); i < d[0]; i += get_global_size(0))
		y[i] = spread(mem, par, tab + d[2], i);
}
