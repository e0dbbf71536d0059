// Sums. Every element is summed in one order, whatever the device.

// locate turns an index into an offset: [n, sizes, steps].
static inline int locate(__global const int *t, int i) {
	int n = t[0], o = 0;
	for (int k = n - 1; k >= 0; k--) {
		int size = t[1 + k], q = i / size;
		o += (i - q * size) * t[1 + n + k];
		i = q;
	}
	return o;
}

// total adds up one value of each of 256 work items.
static inline float total(__local float *s, float v) {
	int lid = get_local_id(0);
	s[lid] = v;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (int step = 128; step > 0; step /= 2) {
		if (lid < step)
			s[lid] += s[lid + step];
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	return s[0];
}

// sum_group: [to, from, terms, kept axes, summed axes]: a group per element of
// the small tensor, whose terms lie where the two tables say.
__kernel GROUP(256) void sum_group(ARGS) {
	__local float s[256];
	__global const int *d = tab + desc;
	int o = get_group_id(0), terms = d[2];
	__global const float *x = AT(d[1]) + locate(tab + d[3], o);
	__global const int *axes = tab + d[4];
	float v = 0;
	for (int r = get_local_id(0); r < terms; r += 256)
		v += x[locate(axes, r)];
	v = total(s, v);
	if (get_local_id(0) == 0)
		AT(d[0])[o] = v;
}

// sum_each: [to, from, terms, kept axes, summed axes, elements]: a work item
// per element.
__kernel GROUP(64) void sum_each(ARGS) {
	__global const int *d = tab + desc;
	int o = get_global_id(0), terms = d[2];
	if (o >= d[5])
		return;
	__global const float *x = AT(d[1]) + locate(tab + d[3], o);
	__global const int *axes = tab + d[4];
	float v = 0;
	for (int r = 0; r < terms; r++)
		v += x[locate(axes, r)];
	AT(d[0])[o] = v;
}

// parts: [to, from, size, parts, bias or 0, has bias, columns, elements that
// share a bias, activation, c]: adds the partial sums of a product.
__kernel GROUP(64) void parts(ARGS) {
	__global const int *d = tab + desc;
	int i = get_global_id(0), size = d[2];
	if (i >= size)
		return;
	__global const float *x = AT(d[1]);
	float v = 0;
	for (int p = 0; p < d[3]; p++)
		v += x[(size_t)p * size + i];
	if (d[5])
		v += AT(d[4])[i / d[7] % d[6]];
	AT(d[0])[i] = activate(v, d[8], as_float(d[9]));
}

// squares: [sums, segments]: the sum of the squares of one segment of a
// gradient. A segment is [weights, first moment, second moment, gradient,
// size].
__kernel GROUP(256) void squares(ARGS) {
	__local float s[256];
	__global const int *d = tab + desc;
	__global const int *seg = tab + d[1] + 5 * get_group_id(0);
	__global const float *g = AT(seg[3]);
	float v = 0;
	for (int i = get_local_id(0); i < seg[4]; i += 256)
		v += g[i] * g[i];
	v = total(s, v);
	if (get_local_id(0) == 0)
		AT(d[0])[get_group_id(0)] = v;
}

// norm: [sums, how many, state]. The state is [norm, factor of the gradient,
// clip, beta1, 1-beta1, beta2, 1-beta2, rate, epsilon].
__kernel GROUP(256) void norm(ARGS) {
	__local float s[256];
	__global const int *d = tab + desc;
	__global const float *x = AT(d[0]);
	__global float *state = AT(d[2]);
	float v = 0;
	for (int i = get_local_id(0); i < d[1]; i += 256)
		v += x[i];
	v = sqrt(total(s, v));
	if (get_local_id(0) == 0) {
		state[0] = v;
		state[1] = state[2] > 0 && v > state[2] ? state[2] / v : 1;
	}
}

// adam: [state, segments]
__kernel GROUP(256) void adam(ARGS) {
	__global const int *d = tab + desc;
	__global const int *seg = tab + d[1] + 5 * get_group_id(0);
	__global const float *k = AT(d[0]);
	__global float *w = AT(seg[0]), *m = AT(seg[1]), *v = AT(seg[2]);
	__global const float *g = AT(seg[3]);
	for (int i = get_local_id(0); i < seg[4]; i += 256) {
		float x = g[i] * k[1];
		float mi = k[3] * m[i] + k[4] * x, vi = k[5] * v[i] + k[6] * x * x;
		m[i] = mi;
		v[i] = vi;
		w[i] -= k[7] * mi / (sqrt(vi) + k[8]);
	}
}
