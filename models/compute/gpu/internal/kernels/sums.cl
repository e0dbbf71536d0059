// What the tiled products of gemm.cl are made of, in float32: each of WX*WY
// work items holds 4*QY x 4*QX sums.

#define LEFT (ROWS / 4 + 1) // a row of left in quads, and one against conflicts of banks
#define RIGHT (COLS / 4 + 1)
#define HOLD(x) (x)
#define HOLD4(x) (x)

#define SUMS \
	__local float4 left[INNER * LEFT], right[INNER * RIGHT]; \
	__local float *l1 = (__local float *)left, *r1 = (__local float *)right; \
	int lid = get_local_id(0), tx = lid % WX, ty = lid / WX; \
	float4 sums[4 * QY][QX]; \
	UNROLL for (int i = 0; i < 4 * QY; i++) \
		UNROLL for (int q = 0; q < QX; q++) \
			sums[i][q] = 0;

// The product of what lies in left and right.
#define MULTIPLY \
	UNROLL_FEW for (int k = 0; k < INNER; k++) { \
		float4 a[QY], b[QX]; \
		UNROLL for (int q = 0; q < QY; q++) \
			a[q] = left[k * LEFT + q * WY + ty]; \
		UNROLL for (int q = 0; q < QX; q++) \
			b[q] = right[k * RIGHT + q * WX + tx]; \
		UNROLL for (int q = 0; q < QY; q++) \
			UNROLL for (int r = 0; r < QX; r++) { \
				sums[4 * q + 0][r] += a[q].x * b[r]; \
				sums[4 * q + 1][r] += a[q].y * b[r]; \
				sums[4 * q + 2][r] += a[q].z * b[r]; \
				sums[4 * q + 3][r] += a[q].w * b[r]; \
			} \
	}

// Sum i, j of this work item, and its row and column within the tile.
#define EACH_ROWS (4 * QY)
#define EACH_COLS (4 * QX)
#define SUM(i, j) ((j) % 4 == 0 ? sums[i][(j) / 4].x : (j) % 4 == 1 ? sums[i][(j) / 4].y : (j) % 4 == 2 ? sums[i][(j) / 4].z : sums[i][(j) / 4].w)
#define ROW(i) (((i) / 4 * WY + ty) * 4 + (i) % 4)
#define COL(j) (((j) / 4 * WX + tx) * 4 + (j) % 4)
