package models

import "fmt"

// Save writes a checkpoint of kind "unet" so that a crash leaves the old file or
// the new one.
func (t *TrainedUNet) Save(path string) error { return Save(path, t.Header, t.Params) }

// UNetOf takes a checkpoint that Decode or Load has read for a UNet. Its errors
// wrap ErrCheckpoint.
func UNetOf(h Header, ps Params) (*TrainedUNet, error) {
	if h.Kind != "unet" {
		return nil, fmt.Errorf("%w: a %q, not a UNet", ErrCheckpoint, h.Kind)
	}
	var u UNet
	if len(h.Channels) != len(u.Channels) {
		return nil, fmt.Errorf("%w: channels %v: want %d numbers", ErrCheckpoint, h.Channels, len(u.Channels))
	}
	copy(u.Channels[:], h.Channels)
	if err := u.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if err := u.Check(ps); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return &TrainedUNet{UNet: u, Params: ps, Header: h}, nil
}
