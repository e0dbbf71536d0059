// Tensor cores with factors of bfloat16: 16 x 16 and 16 x 8 numbers at once.

#define LANE_NUMBERS 12

#ifdef __NVPTX__

// bf16_2 rounds to 7 bits behind the point, ties to even; low stands in the
// lower half.
static inline uint bf16_2(float low, float high) {
	uint r;
	__asm__("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
	return r;
}

// mma adds the product of a and b, which the warp holds together, to c. Lane
// 4g+t holds pairs of neighbours along the inner index: a[g][2t], a[g+8][2t],
// a[g][2t+8], a[g+8][2t+8], b[2t][g], b[2t+8][g], and the numbers c[g][2t],
// c[g][2t+1], c[g+8][2t], c[g+8][2t+1] (PTX ISA, fragments of mma.m16n8k16 with
// .bf16).
static inline float4 mma(float4 c, uint4 a, uint2 b) {
	float x, y, z, w;
	__asm__ volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
		: "=f"(x), "=f"(y), "=f"(z), "=f"(w)
		: "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y), "f"(c.x), "f"(c.y), "f"(c.z), "f"(c.w));
	return (float4)(x, y, z, w);
}

#else

static inline uint bf16(float x) {
	uint u = as_uint(x);
	return isnan(x) ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

static inline uint bf16_2(float low, float high) { return bf16(low) | bf16(high) << 16; }

static inline float4 mma(float4 c, uint4 a, uint2 b, __local float *lanes) {
	int lid = get_local_id(0), g = lid % 32 / 4, t = lid % 4;
	__local float *all = lanes + lid / 32 * 32 * 12;
	__local float *own = lanes + lid * 12;
	uint pairs[6] = {a.x, a.y, a.z, a.w, b.x, b.y};
	for (int i = 0; i < 6; i++)
		own[2 * i] = as_float(pairs[i] << 16), own[2 * i + 1] = as_float(pairs[i] & 0xffff0000u);
	barrier(CLK_LOCAL_MEM_FENCE);
	double s[4] = {c.x, c.y, c.z, c.w};
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 16; k++) {
			int column = 2 * t + i % 2, pair = k % 8 / 2;
			s[i] += (double)all[(4 * g + pair) * 12 + k / 8 * 4 + i / 2 * 2 + k % 2] * all[(4 * column + pair) * 12 + 8 + k / 8 * 2 + k % 2];
			if (k % 8 == 7)
				s[i] = cut(s[i]);
		}
	barrier(CLK_LOCAL_MEM_FENCE);
	return (float4)(s[0], s[1], s[2], s[3]);
}

#endif

// What the parts from k and from k + 8 hold, as a fragment for 16: the inner
// index is counted in another order, the same in a and b.
static inline uint4 pairs_a(float4 x, float4 y) { return (uint4)(bf16_2(x.x, x.z), bf16_2(x.y, x.w), bf16_2(y.x, y.z), bf16_2(y.y, y.w)); }
static inline uint2 pairs_b(float2 x, float2 y) { return (uint2)(bf16_2(x.x, x.y), bf16_2(y.x, y.y)); }

#define HOLD(x) (x)
#define HOLD4(x) (x)
#define MULTIPLY \
	UNROLL_MMA for (int k = 0; k < INNER; k += 16) { \
		uint4 a[WARP_ROWS / 16]; \
		UNROLL for (int m = 0; m < WARP_ROWS / 16; m++) \
			a[m] = pairs_a(PART_A(m, k), PART_A(m, k + 8)); \
		UNROLL_MMA for (int n = 0; n < WARP_COLS / 8; n++) { \
			uint2 b = pairs_b(PART_B(n, k), PART_B(n, k + 8)); \
			UNROLL_MMA for (int m = 0; m < WARP_ROWS / 16; m++) \
				sums[m][n] = MMA(sums[m][n], a[m], b); \
		} \
	}
