// Package disk tells how much may still be written to a disk.
package disk
