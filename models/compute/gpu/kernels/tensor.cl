// What the tiled products of gemm.cl are made of, with tensor cores: a warp of
// 32 work items multiplies 16 x 8 and 8 x 8 numbers of TF32 at once, and holds
// WARP_ROWS x WARP_COLS sums in float32.
//
// SPLIT 1 rounds the factors to TF32. SPLIT 3 makes each the sum of two numbers
// of TF32 and adds three products: nearly what float32 gives.

#ifdef __NVPTX__

// tf32 rounds to 10 bits behind the point, ties away from zero.
static inline float tf32(float x) {
	uint r;
	__asm__("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
	return as_float(r);
}

// mma adds the product of a and b, which the warp holds together, to c. Lane
// 4g+t holds a[g][t], a[g+8][t], a[g][t+4], a[g+8][t+4], b[t][g], b[t+4][g] and
// c[g][2t], c[g][2t+1], c[g+8][2t], c[g+8][2t+1] (PTX ISA, fragments of
// mma.m16n8k8 with .tf32).
static inline float4 mma(float4 c, float4 a, float2 b) {
	float x, y, z, w;
	__asm__ volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
		: "=f"(x), "=f"(y), "=f"(z), "=f"(w)
		: "r"(as_uint(a.x)), "r"(as_uint(a.y)), "r"(as_uint(a.z)), "r"(as_uint(a.w)), "r"(as_uint(b.x)), "r"(as_uint(b.y)),
		  "f"(c.x), "f"(c.y), "f"(c.z), "f"(c.w));
	return (float4)(x, y, z, w);
}

#define LANES
#define MMA(c, a, b) mma(c, a, b)
#define UNROLL_MMA UNROLL

#else // the same through local memory, for tests on what has no tensor cores

#pragma OPENCL EXTENSION cl_khr_fp64 : enable

static inline float tf32(float x) {
	if (isnan(x))
		return NAN;
	return isinf(x) ? x : as_float((as_uint(x) + 0x1000) & ~0x1fffu);
}

// cut rounds a sum towards zero, which is the least that tensor cores are known
// to do.
static inline float cut(double s) { return isfinite((float)s) ? convert_float_rtz(s) : (float)s; }

static inline float4 mma(float4 c, float4 a, float2 b, __local float *lanes) {
	int lid = get_local_id(0), g = lid % 32 / 4, t = lid % 4;
	__local float *all = lanes + lid / 32 * 32 * 6;
	__local float *own = lanes + lid * 6;
	own[0] = a.x, own[1] = a.y, own[2] = a.z, own[3] = a.w, own[4] = b.x, own[5] = b.y;
	barrier(CLK_LOCAL_MEM_FENCE);
	double s[4] = {c.x, c.y, c.z, c.w};
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 8; k++) {
			int column = 2 * t + i % 2;
			s[i] += (double)all[(4 * g + k % 4) * 6 + i / 2 + k / 4 * 2] * all[(4 * column + k % 4) * 6 + 4 + k / 4];
		}
	barrier(CLK_LOCAL_MEM_FENCE);
	return (float4)(cut(s[0]), cut(s[1]), cut(s[2]), cut(s[3]));
}

#define LANES __local float lanes[THREADS * 6];
#define MMA(c, a, b) mma(c, a, b, lanes)
#define UNROLL_MMA

#endif

#define LEFT (ROWS / 4 + 2) // a row of left in quads; rows of a fragment lie 8 banks apart
#define RIGHT (COLS / 4 + 2)
#define WARP_ROWS 32
#define WARP_COLS (ROWS / WARP_ROWS * COLS / (THREADS / 32))

#define SUMS \
	__local float4 left[INNER * LEFT], right[INNER * RIGHT]; \
	LANES \
	__local float *l1 = (__local float *)left, *r1 = (__local float *)right; \
	int lid = get_local_id(0), g = lid % 32 / 4, t4 = lid % 4; \
	int row1 = lid / 32 % (ROWS / WARP_ROWS) * WARP_ROWS + g, col1 = lid / 32 / (ROWS / WARP_ROWS) * WARP_COLS; \
	float4 sums[WARP_ROWS / 16][WARP_COLS / 8]; \
	UNROLL for (int m = 0; m < WARP_ROWS / 16; m++) \
		UNROLL for (int n = 0; n < WARP_COLS / 8; n++) \
			sums[m][n] = 0;

// Fragments of this lane: rows from 16m, columns from 8n, inner from k.
static inline float4 fragment_a(__local const float *l, int lead) { return (float4)(l[0], l[8], l[4 * lead], l[4 * lead + 8]); }
static inline float2 fragment_b(__local const float *r, int lead) { return (float2)(r[0], r[4 * lead]); }
#define PART_A(m, k) fragment_a(l1 + ((k) + t4) * 4 * LEFT + row1 + 16 * (m), 4 * LEFT)
#define PART_B(n, k) fragment_b(r1 + ((k) + t4) * 4 * RIGHT + col1 + 8 * (n) + g, 4 * RIGHT)

static inline float4 tf32_4(float4 x) { return (float4)(tf32(x.x), tf32(x.y), tf32(x.z), tf32(x.w)); }
static inline float2 tf32_2(float2 x) { return (float2)(tf32(x.x), tf32(x.y)); }

#if SPLIT == 1

#define HOLD(x) tf32(x)
#define HOLD4(x) tf32_4(x)
#define MULTIPLY \
	UNROLL_MMA for (int k = 0; k < INNER; k += 8) { \
		float4 a[WARP_ROWS / 16]; \
		UNROLL for (int m = 0; m < WARP_ROWS / 16; m++) \
			a[m] = PART_A(m, k); \
		UNROLL_MMA for (int n = 0; n < WARP_COLS / 8; n++) { \
			float2 b = PART_B(n, k); \
			UNROLL_MMA for (int m = 0; m < WARP_ROWS / 16; m++) \
				sums[m][n] = MMA(sums[m][n], a[m], b); \
		} \
	}

#else

// joined adds what INNER terms give to a sum, rounding as float32 does, which
// tensor cores do not. Where the product of the high parts is no number or
// infinite, that is the product: the low parts are then no numbers.
static inline float joined(float sum, float high, float low) { return sum + (isfinite(high) ? high + low : high); }

#define HOLD(x) (x)
#define HOLD4(x) (x)
#define MULTIPLY { \
	float4 a[WARP_ROWS / 16][INNER / 8], a2[WARP_ROWS / 16][INNER / 8]; \
	UNROLL for (int m = 0; m < WARP_ROWS / 16; m++) \
		UNROLL for (int k = 0; k < INNER / 8; k++) { \
			float4 x = PART_A(m, 8 * k); \
			a[m][k] = tf32_4(x); \
			a2[m][k] = tf32_4(x - a[m][k]); \
		} \
	UNROLL_MMA for (int n = 0; n < WARP_COLS / 8; n++) { \
		float2 b[INNER / 8], b2[INNER / 8]; \
		UNROLL for (int k = 0; k < INNER / 8; k++) { \
			float2 x = PART_B(n, 8 * k); \
			b[k] = tf32_2(x); \
			b2[k] = tf32_2(x - b[k]); \
		} \
		UNROLL_MMA for (int m = 0; m < WARP_ROWS / 16; m++) { \
			float4 high = 0, low = 0; \
			UNROLL_MMA for (int k = 0; k < INNER / 8; k++) { \
				low = MMA(low, a2[m][k], b[k]); \
				low = MMA(low, a[m][k], b2[k]); \
				high = MMA(high, a[m][k], b[k]); \
			} \
			sums[m][n] = (float4)(joined(sums[m][n].x, high.x, low.x), joined(sums[m][n].y, high.y, low.y), \
				joined(sums[m][n].z, high.z, low.z), joined(sums[m][n].w, high.w, low.w)); \
		} \
	} \
}

#endif

// Sum i, j of this work item, and its row and column within the tile.
#define EACH_ROWS (WARP_ROWS / 8)
#define EACH_COLS (WARP_COLS / 4)
#define PAIR(i, j) ((i) % 2 ? sums[(i) / 2][(j) / 2].zw : sums[(i) / 2][(j) / 2].xy)
#define SUM(i, j) ((j) % 2 ? PAIR(i, j).y : PAIR(i, j).x)
#define ROW(i) (row1 + (i) * 8)
#define COL(j) (col1 + (j) / 2 * 8 + t4 * 2 + (j) % 2)
