// Package driver opens the libraries that come with a graphics driver and
// gives OpenCL and CUDA one small face.
//
// # No toolkit, no cgo
//
// The libraries are found at run time: libOpenCL.so.1 and libcuda.so.1 on
// linux, OpenCL.dll and nvcuda.dll on windows. A machine without them is no
// error: List says what is missing. Built with the tag nogpu, or for another
// system, the package opens nothing and the binary stays fully static.
//
// # Record, then submit
//
// Work is recorded once as a list of operations (copies and kernels with all
// their arguments) and submitted as often as wanted. What is recorded runs in
// order on one queue, without a word from the host in between. CUDA makes a
// graph of the kernels.
//
// # Errors
//
// ErrMemory is a lack of memory, ErrLost a device that failed, was reset or
// did not answer in time: nothing that was on it can be trusted. ErrBuild is a
// program that the driver does not take. Every other failure is ErrCall.
package driver
