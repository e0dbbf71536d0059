package dicomio

import "runtime"

// Options sets what Open accepts. The zero value has safe defaults.
type Options struct {
	MaxFiles     int   // files in the folder; 0 means 20,000
	MaxFileBytes int64 // size of a DICOM file; 0 means 1 GiB
	Workers      int   // files read and slices decoded at the same time; 0 means one a processor, 2 to 8

	// Kernels are those that are preferred, the most preferred first, where a
	// series holds volumes of several: values of ConvolutionKernel.
	Kernels []string
}

func (o Options) withDefaults() Options {
	if o.MaxFiles <= 0 {
		o.MaxFiles = 20_000
	}
	if o.MaxFileBytes <= 0 {
		o.MaxFileBytes = 1 << 30
	}
	if o.Workers <= 0 {
		o.Workers = max(2, min(runtime.GOMAXPROCS(0), 8))
	}
	return o
}

// inflateLimit bounds a deflated data set: the largest image and a generous
// header.
func (o Options) inflateLimit() int64 {
	return min(o.MaxFileBytes, maxSide*maxSide*2+32<<20)
}
