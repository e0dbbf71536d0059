package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// pacsFlag is the setting pacs: the DICOMweb servers that are asked, and how to
// sign in there. On the command line and in the environment it is text,
//
//	https://pacs.example/dicom-web user=nodulescope password-file=secret
//
// several with semicolons between them; in a settings file also a list of
// {url: …, user: …}.
type pacsFlag struct {
	pacs []web.Options
}

// pacsKeys set one option each.
var pacsKeys = map[string]func(o *web.Options, value string) error{
	"url":           func(o *web.Options, v string) error { o.URL = v; return nil },
	"store-url":     func(o *web.Options, v string) error { o.StoreURL = v; return nil },
	"user":          func(o *web.Options, v string) error { o.User = v; return nil },
	"password-file": func(o *web.Options, v string) error { o.PasswordFile = v; return nil },
	"token-file":    func(o *web.Options, v string) error { o.TokenFile = v; return nil },
	"ca-file":       func(o *web.Options, v string) error { o.CAFile = v; return nil },
	"cert-file":     func(o *web.Options, v string) error { o.CertFile = v; return nil },
	"key-file":      func(o *web.Options, v string) error { o.KeyFile = v; return nil },
	"allow-plain-http": func(o *web.Options, v string) (err error) {
		o.AllowPlainHTTP, err = strconv.ParseBool(v)
		return err
	},
	"timeout": func(o *web.Options, v string) (err error) {
		if o.Timeout, err = time.ParseDuration(v); err == nil && o.Timeout <= 0 {
			err = errors.New("must be above 0")
		}
		return err
	},
}

// register adds the flag. It is for every command that reads a series.
func (p *pacsFlag) register(f *pflag.FlagSet) {
	f.Var(p, "pacs", "`ADDRESS` of a DICOMweb server that series are read from, and its credentials: URL [user=NAME password-file=FILE | token-file=FILE] [ca-file=FILE], see docs/pacs.md")
	markSettings(f, "pacs")
}

// kernelsFlag adds the flag of the kernels that are preferred. It is for every
// command that reads a series.
func kernelsFlag(f *pflag.FlagSet, kernels *[]string) {
	f.StringSliceVar(kernels, "kernels", nil, "convolution `KERNELS` to be preferred where a series has several, separated by commas")
	markSettings(f, "kernels")
}

// Type is pflag.Value.
func (p *pacsFlag) Type() string { return "pacs" }

// String is pflag.Value.
func (p *pacsFlag) String() string {
	var urls []string
	for _, o := range p.pacs {
		urls = append(urls, o.URL)
	}
	return strings.Join(urls, "; ")
}

// Set is pflag.Value: it adds what the text says.
func (p *pacsFlag) Set(text string) error {
	for one := range strings.SplitSeq(text, ";") {
		words := strings.Fields(one)
		if len(words) == 0 {
			continue
		}
		values := map[string]string{"url": words[0]}
		for _, word := range words[1:] {
			key, value, found := strings.Cut(word, "=")
			if !found || key == "url" || values[key] != "" {
				return errors.New("after the address stand key=value pairs, each key once")
			}
			values[key] = value
		}
		if err := p.add(values); err != nil {
			return err
		}
	}
	return nil
}

// SetSetting takes the value of a settings file: a text, or a list of texts and
// of {url: …, key: value}.
func (p *pacsFlag) SetSetting(value any) error {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, element := range list {
		section, ok := element.(map[string]any)
		if !ok {
			text, err := settingText(element)
			if err != nil {
				return err
			}
			if err := p.Set(text); err != nil {
				return err
			}
			continue
		}
		values := map[string]string{}
		for key, v := range section {
			text, err := settingText(v)
			if err != nil {
				return fmt.Errorf("%s %w", key, err)
			}
			values[key] = text
		}
		if err := p.add(values); err != nil {
			return err
		}
	}
	return nil
}

func (p *pacsFlag) add(values map[string]string) error {
	var o web.Options
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set := pacsKeys[key]
		if set == nil {
			return fmt.Errorf("%q is unknown; there are %s", key, strings.Join(slices.Sorted(maps.Keys(pacsKeys)), ", "))
		}
		if err := set(&o, values[key]); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if o.URL == "" {
		return errors.New("url is missing")
	}
	p.pacs = append(p.pacs, o)
	return nil
}

// archives are the PACS of the settings and, where the user of this command
// names a series in another one, that one, without credentials.
func (p *pacsFlag) archives(log *slog.Logger, uri string) (*series.Archives, error) {
	pacs := slices.Clone(p.pacs)
	for i := range pacs {
		pacs[i].Logger = log
	}
	known, err := series.NewArchives(pacs...)
	if err != nil || !series.IsArchiveURI(uri) {
		return known, err
	}
	if _, _, _, err := known.Client(uri); err == nil {
		return known, nil
	}
	base, _, _, err := series.SplitArchiveURI(uri)
	if err != nil {
		return nil, err
	}
	return series.NewArchives(append(pacs, web.Options{URL: base, Logger: log})...)
}
