// Package ownership has what root writes for a service belong to the account that
// the service runs as, which could not read it otherwise.
package ownership
