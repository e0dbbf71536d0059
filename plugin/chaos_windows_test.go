package plugin

import "errors"

func chaosChild(crashPlan) error { return errors.New("processes cannot be frozen here") }
