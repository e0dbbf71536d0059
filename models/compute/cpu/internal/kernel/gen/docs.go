package main

import "fmt"

// tileDoc is the comment of a tile: the plain loop.
func tileDoc(name string, rows, cols int) []string {
	return []string{name + " is, where vec columns lie side by side from each of at,",
		"", fmt.Sprintf("\tfor i := range %d {", rows), fmt.Sprintf("\t\tfor j := range %d {", cols),
		"\t\t\tsum := 0", "\t\t\tfor p := range k {", fmt.Sprintf("\t\t\t\tsum += a[p*%d+i] * b[off[p]+at[j/vec]+j%%vec]", rows), "\t\t\t}",
		"\t\t\tif add {", "\t\t\t\tsum += c[i*ldc+j]", "\t\t\t}", "\t\t\tc[i*ldc+j] = sum", "\t\t}", "\t}"}
}

// elements are the bodies of the element-wise loops.
var elements = map[string]string{
	"add": "dst[i] = x[i] + y[i]", "sub": "dst[i] = x[i] - y[i]", "mul": "dst[i] = x[i] * y[i]", "div": "dst[i] = x[i] / y[i]",
	"scale": "dst[i] = c * x[i]", "shift": "dst[i] = x[i] + c", "square": "dst[i] = x[i] * x[i]",
	"leaky":   "if dst[i] = x[i]; !(x[i] > 0) { dst[i] = c * x[i] }",
	"gate":    "if dst[i] = 1; !(x[i] > 0) { dst[i] = c }",
	"exp":     "dst[i] = exp(x[i]) // within 2 ulp",
	"sigmoid": "dst[i] = 1 / (1 + exp(-x[i])) // within 4 ulp",
}

func elementDoc(name, suffix string) []string {
	return []string{name + suffix + " is, for n a multiple of the lanes", "", "\tfor i := range n {", "\t\t" + elements[name], "\t}"}
}

func adamDoc(suffix string) []string {
	return []string{"adam" + suffix + " is, for n a multiple of the lanes",
		"", "\tfor i := range n {", "\t\td := k[0] * grad[i]", "\t\tm[i] = k[1]*m[i] + k[2]*d", "\t\tv[i] = k[3]*v[i] + k[4]*d*d",
		"\t\tw[i] -= k[5] * m[i] / (sqrt(v[i]) + k[6])", "\t}"}
}

func sumDoc(suffix string) []string {
	return []string{"sum" + suffix + " adds up x[:n] in float64, for n a multiple of sumBlock"}
}

func transposeDoc(suffix string, width int) []string {
	return []string{"transpose" + suffix + " is", "", fmt.Sprintf("\tfor i := range n * %d {", width), fmt.Sprintf("\t\tfor j := range %d {", width),
		"\t\t\tdst[off[j]+i] = src[i*stride+j]", "\t\t}", "\t}"}
}

func scatterDoc(suffix string, width int) []string {
	return []string{"scatter" + suffix + " is", "", "\tfor r := range rows {", "\t\tfor _, m := range moves[:n] {",
		fmt.Sprintf("\t\t\tcopy(dst[r*ldd+m[1]:][:%d], src[r*lds+m[0]:])", width), "\t\t}", "\t}"}
}
