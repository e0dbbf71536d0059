// Tensor cores with factors of TF32: 16 x 8 and 8 x 8 numbers at once.
//
// SPLIT 1 rounds the factors. SPLIT 3 makes each the sum of two numbers of TF32
// and adds three products: nearly what float32 gives.

#define LANE_NUMBERS 6

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

#else

static inline float tf32(float x) {
	if (isnan(x))
		return NAN;
	return isinf(x) ? x : as_float((as_uint(x) + 0x1000) & ~0x1fffu);
}

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

#endif

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
