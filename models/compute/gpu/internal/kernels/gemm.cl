// Products in tiles of ROWS x COLS for THREADS work items, from factors in local
// memory: left holds INNER x ROWS numbers, right INNER x COLS. This text is
// compiled once per size; KERNEL(name) adds the size to a name. What a work item
// holds and multiplies is defined in sums.cl or tensor.cl.

#define ROWS (WY * 4 * QY)
#define COLS (WX * 4 * QX)
#define THREADS (WX * WY)
#define INNER 16

// conv: a group per tile of columns (axis 0), of rows (1), and class and part of
// the inner index (2). After the description stand [parts, inner of a part, size
// of the output]: parts lie one after the other. A work item reads the windows
// of COLS/THREADS columns.
__kernel GROUP(THREADS) void KERNEL(conv)(ARGS) {
	__global const int *d = tab + desc;
	int parts = d[CONV], part = get_group_id(2) % parts;
	__global const int *c = tab + d[17] + CLASS * (get_group_id(2) / parts);
	int cols = d[3] * c[0] * c[1] * c[2], col0 = get_group_id(0) * COLS, row0 = get_group_id(1) * ROWS;
	if (col0 >= cols)
		return;
	SUMS
	__global const float *in = AT(d[0]);
	__global const float *w = AT(c[14]) + row0;
	__global const int *t = tab + c[13];
	int iz = d[4], iy = d[5], ix = d[6], lead = d[12];
	int first = part * d[CONV + 1], inner = min(first + d[CONV + 1], c[12]);
	place p[COLS / THREADS];
	int base[COLS / THREADS];
	UNROLL for (int j = 0; j < COLS / THREADS; j++) {
		p[j] = find(d, c, min(col0 + lid + j * THREADS, cols - 1));
		base[j] = origin(d, p[j]);
	}
	for (int k0 = first; k0 < inner; k0 += INNER) {
		UNROLL_FEW for (int k = 0; k < INNER; k++)
			UNROLL for (int j = 0; j < COLS / THREADS; j++)
				r1[k * 4 * RIGHT + lid + j * THREADS] = k0 + k < inner ? HOLD(gather(in, t + 4 * (k0 + k), p[j], base[j], iz, iy, ix)) : 0;
		for (int i = lid; i < INNER * ROWS / 4; i += THREADS) {
			int k = i / (ROWS / 4), m = i % (ROWS / 4);
			left[k * LEFT + m] = k0 + k < inner ? HOLD4(*(__global const float4 *)(w + (size_t)(k0 + k) * lead + 4 * m)) : (float4)(0);
		}
		barrier(CLK_LOCAL_MEM_FENCE);
		MULTIPLY
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	__global float *out = AT(d[1]) + (size_t)part * d[CONV + 2];
	int volume = d[7] * d[8] * d[9], rows = d[2], kind = d[15];
	float slope = as_float(d[16]);
	int at[EACH_COLS];
	UNROLL for (int j = 0; j < EACH_COLS; j++) {
		int col = col0 + COL(j);
		at[j] = col < cols ? find(d, c, col).out : -1;
	}
	UNROLL for (int i = 0; i < EACH_ROWS; i++) {
		int row = row0 + ROW(i);
		if (row >= rows)
			continue;
		float b = d[14] ? AT(d[13])[row] : 0;
		__global float *y = out + row * volume;
		UNROLL for (int j = 0; j < EACH_COLS; j++)
			if (at[j] >= 0)
				y[at[j]] = leaky(SUM(i, j) + b, kind, slope);
	}
}

// weight: the gradient of packed weights, rows x inner of every class, summed
// over the positions in parts of a number of them: a group per tile of inner
// (axis 0), of rows (1), and class and part (2). After the description stand
// [to, parts, positions of a part, size of a part].
__kernel GROUP(THREADS) void KERNEL(weight)(ARGS) {
	__global const int *d = tab + desc;
	int parts = d[CONV + 1], part = get_group_id(2) % parts;
	__global const int *c = tab + d[17] + CLASS * (get_group_id(2) / parts);
	int cols = c[12], col0 = get_group_id(0) * COLS, row0 = get_group_id(1) * ROWS, rows = d[2];
	if (col0 >= cols)
		return;
	SUMS
	__global const float *in = AT(d[0]), *dy = AT(d[1]);
	__global const int *t = tab + c[13];
	int iz = d[4], iy = d[5], ix = d[6], volume = d[7] * d[8] * d[9];
	int positions = d[3] * c[0] * c[1] * c[2];
	int first = part * d[CONV + 2], last = min(first + d[CONV + 2], positions);
	int k = lid % INNER;
	for (int k0 = first; k0 < last; k0 += INNER) {
		bool there = k0 + k < last;
		place p = find(d, c, there ? k0 + k : 0);
		int base = origin(d, p);
		for (int m = lid / INNER; m < ROWS; m += THREADS / INNER)
			l1[k * 4 * LEFT + m] = there && row0 + m < rows ? HOLD(dy[p.out + (row0 + m) * volume]) : 0;
		for (int j = lid / INNER; j < COLS; j += THREADS / INNER)
			r1[k * 4 * RIGHT + j] = there && col0 + j < cols ? HOLD(gather(in, t + 4 * (col0 + j), p, base, iz, iy, ix)) : 0;
		barrier(CLK_LOCAL_MEM_FENCE);
		MULTIPLY
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	__global float *to = AT(d[CONV]) + (size_t)part * d[CONV + 3] + c[15];
	UNROLL for (int i = 0; i < EACH_ROWS; i++)
		UNROLL for (int j = 0; j < EACH_COLS; j++) {
			int row = row0 + ROW(i), col = col0 + COL(j);
			if (row < rows && col < cols)
				to[(size_t)row * cols + col] = SUM(i, j);
		}
}

// matmul: [to, a, b, rows, columns, inner, step of a along rows, along inner,
// step of b along inner, along columns, inner of a part, bias, has bias,
// activation, c]: a group per tile of columns (axis 0), of rows (1) and part
// (2). Parts lie one after the other.
__kernel GROUP(THREADS) void KERNEL(matmul)(ARGS) {
	__global const int *d = tab + desc;
	int rows = d[3], cols = d[4], ar = d[6], ak = d[7], bk = d[8], bc = d[9];
	int col0 = get_group_id(0) * COLS, row0 = get_group_id(1) * ROWS;
	int first = get_group_id(2) * d[10], last = min(first + d[10], d[5]);
	SUMS
	__global const float *a = AT(d[1]), *b = AT(d[2]);
	for (int k0 = first; k0 < last; k0 += INNER) {
		for (int i = lid; i < INNER * ROWS; i += THREADS) {
			int k = ak == 1 ? i % INNER : i / ROWS, m = ak == 1 ? i / INNER : i % ROWS;
			l1[k * 4 * LEFT + m] = k0 + k < last && row0 + m < rows ? HOLD(a[(size_t)(row0 + m) * ar + (size_t)(k0 + k) * ak]) : 0;
		}
		for (int i = lid; i < INNER * COLS; i += THREADS) {
			int k = bk == 1 ? i % INNER : i / COLS, j = bk == 1 ? i / INNER : i % COLS;
			r1[k * 4 * RIGHT + j] = k0 + k < last && col0 + j < cols ? HOLD(b[(size_t)(k0 + k) * bk + (size_t)(col0 + j) * bc]) : 0;
		}
		barrier(CLK_LOCAL_MEM_FENCE);
		MULTIPLY
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	__global float *to = AT(d[0]) + (size_t)get_group_id(2) * rows * cols;
	UNROLL for (int i = 0; i < EACH_ROWS; i++)
		UNROLL for (int j = 0; j < EACH_COLS; j++) {
			int row = row0 + ROW(i), col = col0 + COL(j);
			if (row < rows && col < cols)
				to[(size_t)row * cols + col] = leaky(SUM(i, j) + (d[12] ? AT(d[11])[col] : 0), d[13], as_float(d[14]));
		}
}
