package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

const sendNothing = "none"

// sendFlags say what serve stores in a PACS.
type sendFlags struct {
	kinds        []string
	organization string
}

func (o *sendFlags) register(f *pflag.FlagSet) {
	f.StringSliceVar(&o.kinds, "send", kindNames(plugin.DefaultKinds()),
		"`KINDS` of documents that go to the PACS with a store-url, separated by commas: "+strings.Join(kindNames(outbox.Kinds()), ", ")+"; or none")
	f.StringVar(&o.organization, "organization", "", "`NAME` of the reviewing organization, in verified reports (default: the site)")
	markSettings(f, "send", "organization")
}

func kindNames(kinds []outbox.Kind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// config reads the names.
func (o *sendFlags) config() (plugin.SendConfig, error) {
	c := plugin.SendConfig{Kinds: []outbox.Kind{}, Organization: o.organization}
	for _, name := range o.kinds {
		name = strings.TrimSpace(name)
		if name == sendNothing || name == "" {
			continue
		}
		kind, err := outbox.ParseKind(name)
		if err != nil {
			return c, usageError(err, "list with --send what goes to the PACS, or give none")
		}
		if !slices.Contains(c.Kinds, kind) {
			c.Kinds = append(c.Kinds, kind)
		}
	}
	return c, nil
}

// describe tells what goes to a PACS.
func (o *sendFlags) describe(pacs web.Options) string {
	if c, err := o.config(); pacs.StoreURL != "" && err == nil && len(c.Kinds) > 0 {
		return ", gets " + strings.Join(kindNames(c.Kinds), ", ")
	}
	return ""
}
