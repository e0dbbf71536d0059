package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	koanfmaps "github.com/knadh/koanf/maps"

	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const (
	envPrefix        = "NODULESCOPE_"
	settingMark      = "nodulescope_setting" // annotation of flags
	maxSettingsBytes = 1 << 20
)

// environmentOnly are variables that are not settings: the settings file
// itself, the data set that tests use, and the passwords that docs/nats-server.conf
// takes from the environment.
var environmentOnly = []string{
	envPrefix + "CONFIG", envPrefix + "DATA",
	envPrefix + "SERVICE_PASSWORD", envPrefix + "OPERATOR_PASSWORD", envPrefix + "DETECTOR_PASSWORD",
}

// markSettings makes flags settings: they can also be given by the
// environment (NODULESCOPE_ and the name in capitals, with _ for -) and by the
// settings file, where "log-level: debug" and "log: {level: debug}" are the
// same. The help of the flag says so. It panics where a flag does not exist.
func markSettings(flags *pflag.FlagSet, names ...string) {
	annotate(flags, settingMark, names)
	for _, name := range names {
		flags.Lookup(name).Usage += " (setting)"
	}
}

// isSetting tells whether markSettings was called for a flag.
func isSetting(flag *pflag.Flag) bool {
	return len(flag.Annotations[settingMark]) > 0
}

// loadSettings completes the flags of cmd that are settings and were not given
// on the command line: from environ (KEY=value), then from the file at path, or
// the one that NODULESCOPE_CONFIG names where path is empty. A file may hold
// the settings of all commands, and nothing else. An empty variable counts as
// absent. It returns the variables with the prefix that are no settings.
func loadSettings(cmd *cobra.Command, path string, environ []string) (unknown []string, err error) {
	known := allSettings(cmd.Root())
	k := koanf.New("/") // no setting has this delimiter: keys stay flat
	origin := map[string]string{}
	if path == "" {
		path = lookup(environ, envPrefix+"CONFIG")
	}
	if path != "" {
		data, err := smallfile.Read(path, maxSettingsBytes)
		if err != nil {
			return nil, usageError(fmt.Errorf("settings file: %w", err), "check --config or NODULESCOPE_CONFIG")
		}
		if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
			return nil, usageError(fmt.Errorf("settings file %s is UTF-16", path), "save it as UTF-8")
		}
		if err := k.Load(content(data), yaml.Parser(), koanf.WithMergeFunc(mergeFlat)); err != nil {
			return nil, usageError(fmt.Errorf("settings file %s is not YAML: %w", path, err), "write one 'name: value' a line")
		}
		for _, key := range slices.Sorted(maps.Keys(k.Raw())) {
			if !known[key] {
				return nil, usageError(fmt.Errorf("settings file %s: %q is not a setting", path, key), nearest(key, slices.Sorted(maps.Keys(known))))
			}
			origin[key] = "settings file " + path
		}
	}
	variables := env.Provider("/", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" {
				return "", nil
			}
			key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "_", "-")
			if known[key] {
				origin[key] = "environment variable " + name
				return key, value
			}
			if !slices.Contains(environmentOnly, name) {
				unknown = append(unknown, name)
			}
			return "", nil
		},
	})
	if err := k.Load(variables, nil, koanf.WithMergeFunc(mergeFlat)); err != nil {
		return nil, fmt.Errorf("read environment: %w", err)
	}
	return unknown, applySettings(cmd.Flags(), k.Raw(), origin)
}

// applySettings sets every flag that is a setting, has a value and was not
// given on the command line. origin says where the value of a key comes from.
func applySettings(flags *pflag.FlagSet, values map[string]any, origin map[string]string) error {
	var errs []error
	flags.VisitAll(func(flag *pflag.Flag) {
		value, there := values[flag.Name]
		if !there || flag.Changed || !isSetting(flag) {
			return
		}
		err := setFlag(flags, flag, value)
		if err != nil {
			errs = append(errs, usageError(fmt.Errorf("%s: setting %s: %w", origin[flag.Name], flag.Name, err), expected(flag)))
		}
	})
	return errors.Join(errs...)
}

// setFlag gives a flag the value of a setting. One that takes more than a text
// has a method SetSetting.
func setFlag(flags *pflag.FlagSet, flag *pflag.Flag, value any) error {
	if v, ok := flag.Value.(interface{ SetSetting(value any) error }); ok {
		return v.SetSetting(value)
	}
	text, err := settingText(value)
	if err != nil {
		return err
	}
	if strings.HasPrefix(text, "~/") {
		return fmt.Errorf("%q: ~ stands for a home in a shell alone", text)
	}
	err = flags.Set(flag.Name, text)
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) { // which speaks of a flag
		return fmt.Errorf("%q cannot be used: %w", text, invalid.Unwrap())
	}
	return err
}

// expected is what to write as the value of a flag.
func expected(flag *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(flag)
	switch flag.Value.Type() {
	case "duration":
		return "write a time with its unit, such as 90s, 30m or 9600h (a day is 24h): " + usage
	case "int":
		return "write a whole number: " + usage
	}
	return "expected: " + usage
}

// nearest names the settings that were perhaps meant, or else all.
func nearest(key string, names []string) string {
	menu := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		menu.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	if close := menu.SuggestionsFor(key); len(close) > 0 {
		return "did you mean " + strings.Join(close, " or ") + "?"
	}
	return "settings are " + strings.Join(names, ", ")
}

// settingText writes a value as it would stand on the command line.
func settingText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", errors.New("has no value")
	case map[string]any:
		return "", errors.New("holds other settings, not a value")
	case []any:
		texts := make([]string, len(v))
		for i, element := range v {
			text, err := settingText(element)
			if err != nil {
				return "", err
			}
			texts[i] = text
		}
		return strings.Join(texts, ","), nil
	default:
		return fmt.Sprint(v), nil
	}
}

// allSettings collects the settings of a command and all below it.
func allSettings(cmd *cobra.Command) map[string]bool {
	names := map[string]bool{}
	collect := func(flag *pflag.Flag) {
		if isSetting(flag) {
			names[flag.Name] = true
		}
	}
	cmd.PersistentFlags().VisitAll(collect)
	cmd.Flags().VisitAll(collect)
	for _, child := range cmd.Commands() {
		maps.Copy(names, allSettings(child))
	}
	return names
}

// mergeFlat adds settings to dest, with the names of nested ones joined by a
// hyphen.
func mergeFlat(src, dest map[string]any) error {
	flat, _ := koanfmaps.Flatten(src, nil, "-")
	maps.Copy(dest, flat)
	return nil
}

// lookup finds a variable in environ; the last one counts.
func lookup(environ []string, name string) string {
	value := ""
	for _, variable := range environ {
		if v, found := strings.CutPrefix(variable, name+"="); found {
			value = v
		}
	}
	return value
}

// content is a koanf provider of bytes in memory.
type content []byte

// ReadBytes returns the bytes.
func (c content) ReadBytes() ([]byte, error) { return c, nil }

// Read is not needed: a parser makes settings of the bytes.
func (c content) Read() (map[string]any, error) { return nil, errors.ErrUnsupported }
