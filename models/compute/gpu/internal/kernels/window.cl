// Convolutions are products of packed weights with windows of their input,
// which are never stored. A convolution is described by
//
//	[in, out, rows, batch, in z, y, x, out z, y, x, in per sample,
//	 out per sample, packed rows, bias, has bias, activation, c, classes]
//
// and a class of output positions by
//
//	[positions z, y, x, step in the input z, y, x, first in the output z, y, x,
//	 step in the output z, y, x, inner, taps, weights, sums]
//
// where taps begins a list of [offset, z, y, x], one per inner index, relative
// to the step times the position, and sums says where its weight gradient
// begins.

#define CONV 18
#define CLASS 16

typedef struct {
	int n, z, y, x; // sample and position, times the step in the input
	int out;        // offset in the output
} place;

// find places column j of a class.
static inline place find(__global const int *d, __global const int *c, int j) {
	place p;
	int px = j % c[2], r = j / c[2];
	int py = r % c[1];
	r /= c[1];
	int pz = r % c[0];
	p.n = r / c[0];
	p.z = pz * c[3];
	p.y = py * c[4];
	p.x = px * c[5];
	p.out = p.n * d[11] + ((c[6] + pz * c[9]) * d[8] + c[7] + py * c[10]) * d[9] + c[8] + px * c[11];
	return p;
}

// gather reads what a tap sees: 0 outside the input. base is where the position
// lies in the input.
static inline float gather(__global const float *in, __global const int *t, place p, int base, int iz, int iy, int ix) {
	int z = p.z + t[1], y = p.y + t[2], x = p.x + t[3];
	bool inside = (uint)z < (uint)iz && (uint)y < (uint)iy && (uint)x < (uint)ix;
	float v = in[inside ? base + t[0] : 0]; // no branch: loads can be many at once
	return inside ? v : 0;
}

static inline int origin(__global const int *d, place p) { return p.n * d[10] + (p.z * d[5] + p.y) * d[6] + p.x; }

// pack: [weights, rows, channels, step of a row, step of a channel, packed
// rows, classes]: packed weights [inner][packed rows] of every class, whose
// lists are [to, taps, lists]; each list is [where, how many] weights to add.
__kernel GROUP(64) void pack(ARGS) {
	__global const int *d = tab + desc;
	__global const int *c = tab + d[6] + 3 * get_group_id(1);
	int taps = c[1], lead = d[5];
	int i = get_global_id(0);
	if (i >= d[2] * taps * lead)
		return;
	int row = i % lead, k = i / lead;
	int ch = k / taps;
	float v = 0;
	if (row < d[1]) {
		__global const int *list = tab + c[2] + 2 * (k - ch * taps);
		__global const float *w = AT(d[0]) + row * d[3] + ch * d[4];
		for (int j = 0; j < list[1]; j++)
			v += w[tab[list[0] + j]];
	}
	AT(c[0])[i] = v;
}

// unpack: [to, from, size, taps, lists]: the gradient of weights from those of
// packed ones; each list is [where, how many] of [first, factor, tap].
__kernel GROUP(64) void unpack(ARGS) {
	__global const int *d = tab + desc;
	int i = get_global_id(0);
	if (i >= d[2])
		return;
	int pair = i / d[3];
	__global const int *list = tab + d[4] + 2 * (i - pair * d[3]);
	__global const float *x = AT(d[1]);
	float v = 0;
	for (int j = 0; j < list[1]; j++) {
		__global const int *e = tab + list[0] + 3 * j;
		v += x[e[0] + pair * e[1] + e[2]];
	}
	AT(d[0])[i] = v;
}

// conv_few: up to four rows, a work item per column.
__kernel GROUP(64) void conv_few(ARGS) {
	__global const int *d = tab + desc;
	__global const int *c = tab + d[17] + CLASS * get_group_id(2);
	int j = get_global_id(0), rows = d[2];
	if (j >= d[3] * c[0] * c[1] * c[2])
		return;
	place p = find(d, c, j);
	__global const float *in = AT(d[0]);
	__global const float4 *w = (__global const float4 *)AT(c[14]);
	__global const int *t = tab + c[13];
	int base = origin(d, p), iz = d[4], iy = d[5], ix = d[6], inner = c[12];
	float4 v = 0;
	for (int k = 0; k < inner; k++, t += 4)
		v += gather(in, t, p, base, iz, iy, ix) * w[k];
	__global float *out = AT(d[1]) + p.out;
	int volume = d[7] * d[8] * d[9];
	for (int i = 0; i < rows; i++) {
		float b = d[14] ? AT(d[13])[i] : 0;
		out[i * volume] = activate((i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w) + b, d[15], as_float(d[16]));
	}
}
