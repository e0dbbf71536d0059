// What the tiled products of gemm.cl are made of, with tensor cores: a warp of
// 32 work items holds WARP_ROWS x WARP_COLS sums in float32 and multiplies
// pieces of 16 rows and 8 columns at once. How, is in tf32.cl and bf16.cl:
//
//	MULTIPLY      adds the product of what lies in left and right
//	HOLD, HOLD4   what is made of factors before they lie there
//	LANE_NUMBERS  numbers of both factors that a work item holds in a piece

#define LEFT (ROWS / 4 + 2) // a row of left in quads; rows of a fragment lie 8 banks apart
#define RIGHT (COLS / 4 + 2)
#define WARP_ROWS 32
#define WARP_COLS (ROWS / WARP_ROWS * COLS / (THREADS / 32))

#ifdef __NVPTX__

#define LANES
#define MMA(c, a, b) mma(c, a, b)
#define UNROLL_MMA UNROLL

#else // the same through local memory, for tests on what has no tensor cores

#pragma OPENCL EXTENSION cl_khr_fp64 : enable

// cut rounds a sum towards zero, which is the least that tensor cores are known
// to do.
static inline float cut(double s) { return isfinite((float)s) ? convert_float_rtz(s) : (float)s; }

#define LANES __local float lanes[THREADS * LANE_NUMBERS];
#define MMA(c, a, b) mma(c, a, b, lanes)
#define UNROLL_MMA

#endif

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

// Sum i, j of this work item, and its row and column within the tile.
#define EACH_ROWS (WARP_ROWS / 8)
#define EACH_COLS (WARP_COLS / 4)
#define PAIR(i, j) ((i) % 2 ? sums[(i) / 2][(j) / 2].zw : sums[(i) / 2][(j) / 2].xy)
#define SUM(i, j) ((j) % 2 ? PAIR(i, j).y : PAIR(i, j).x)
#define ROW(i) (row1 + (i) * 8)
#define COL(j) (col1 + (j) / 2 * 8 + t4 * 2 + (j) % 2)
