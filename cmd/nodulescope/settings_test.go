package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/spf13/cobra"
)

// options stands for those of a command; every kind of flag that commands use
// as a setting is there.
type options struct {
	Site    string
	Workers int
	Padding float64
	Wait    time.Duration
	Sync    bool
	Servers []string
	JSON    bool // no setting
}

func newOptionsCommand(o *options) *cobra.Command {
	root := &cobra.Command{Use: "root"}
	cmd := &cobra.Command{Use: "work", RunE: func(*cobra.Command, []string) error { return nil }}
	flags := cmd.Flags()
	flags.StringVar(&o.Site, "site", "main", "")
	flags.IntVar(&o.Workers, "workers", 1, "")
	flags.Float64Var(&o.Padding, "max-padding", 25, "")
	flags.DurationVar(&o.Wait, "ack-wait", 30*time.Second, "")
	flags.BoolVar(&o.Sync, "sync", false, "")
	flags.StringSliceVar(&o.Servers, "servers", nil, "")
	flags.BoolVar(&o.JSON, "json", false, "")
	markSettings(flags, "site", "workers", "max-padding", "ack-wait", "sync", "servers")

	other := &cobra.Command{Use: "other"}
	other.Flags().String("store", "", "")
	markSettings(other.Flags(), "store")
	root.AddCommand(cmd, other)
	return cmd
}

func TestLoadSettings(t *testing.T) {
	const file = `
site: ward
workers: 4
max-padding: 12.5
ack: {wait: 45s}
sync: true
servers: [nats://a, nats://b]
store: elsewhere # of another command
`
	for _, test := range []struct {
		name    string
		file    string
		environ []string
		args    []string
		want    options
	}{
		{
			name: "defaults",
			want: options{Site: "main", Workers: 1, Padding: 25, Wait: 30 * time.Second},
		},
		{
			name: "file", file: file,
			want: options{"ward", 4, 12.5, 45 * time.Second, true, []string{"nats://a", "nats://b"}, false},
		},
		{
			name: "environment before file", file: file,
			environ: []string{"NODULESCOPE_WORKERS=8", "NODULESCOPE_ACK_WAIT=1m", "NODULESCOPE_SERVERS=nats://c", "NODULESCOPE_SITE="},
			want:    options{"ward", 8, 12.5, time.Minute, true, []string{"nats://c"}, false},
		},
		{
			name: "flag before environment", file: file,
			environ: []string{"NODULESCOPE_WORKERS=8", "NODULESCOPE_SITE=east"},
			args:    []string{"--workers=1", "--sync=false", "--json"},
			want:    options{"east", 1, 12.5, 45 * time.Second, false, []string{"nats://a", "nats://b"}, true},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got options
			cmd := newOptionsCommand(&got)
			if err := cmd.ParseFlags(test.args); err != nil {
				t.Fatal(err)
			}
			path := ""
			if test.file != "" {
				path = writeFile(t, "settings.yaml", test.file)
			}
			unknown, err := loadSettings(cmd, path, test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
			if len(unknown) > 0 {
				t.Errorf("reported as unknown: %v", unknown)
			}
		})
	}
}

func TestLoadSettingsRefuses(t *testing.T) {
	for _, test := range []struct {
		name, file string
		environ    []string
		want       string // in the error
	}{
		{name: "unknown", file: "sites: x", want: `"sites" is not a setting`},
		{name: "mistyped", file: "worker: 2", want: "did you mean workers?"},
		{name: "time without a unit", file: "ack-wait: 30", want: "write a time with its unit"},
		{name: "days", file: "ack-wait: 4d", want: `"4d" cannot be used`},
		{name: "home", file: "site: ~/x", want: "a shell alone"},
		{name: "UTF-16", file: "\xff\xfes\x00", want: "UTF-8"},
		{name: "flag that is no setting", file: "json: true", want: `"json" is not a setting`},
		{name: "wrong kind in file", file: "workers: many", want: "settings file"},
		{name: "wrong kind in environment", environ: []string{"NODULESCOPE_WORKERS=many"}, want: "environment variable NODULESCOPE_WORKERS: setting workers"},
		{name: "empty", file: "site:", want: "has no value"},
		{name: "section without settings", file: "site: {}", want: "not a value"},
		{name: "list of sections", file: "servers: [{a: b}]", want: "not a value"},
		{name: "no settings at all", file: "just words", want: "is not YAML"},
		{name: "too large", file: "#" + strings.Repeat("x", maxSettingsBytes), want: "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := ""
			if test.file != "" {
				path = writeFile(t, "settings.yaml", test.file)
			}
			_, err := loadSettings(newOptionsCommand(&options{}), path, test.environ)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if code := exitCode(t.Context(), err); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
		})
	}
}

func TestLoadSettingsReportsUnknownVariables(t *testing.T) {
	unknown, err := loadSettings(newOptionsCommand(&options{}), "",
		[]string{"NODULESCOPE_WORKRES=2", "NODULESCOPE_DATA=x", "HOME=y"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"NODULESCOPE_WORKRES"}, unknown); diff != "" {
		t.Errorf("unknown variables (-want +got):\n%s", diff)
	}
}

// FuzzSettings feeds arbitrary settings files: they are taken or refused, and
// never end in a panic.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"site: ward", "ack: {wait: 45s}", "servers: [a, [b]]", "a: &x {b: *x}", "? {}\n: 1", "1: 2"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := yaml.Parser().Unmarshal(data)
		if err != nil {
			return
		}
		flat := map[string]any{}
		if err := mergeFlat(values, flat); err != nil {
			t.Fatal(err)
		}
		var o options
		if err := applySettings(newOptionsCommand(&o).Flags(), flat, nil); err == nil && o.JSON {
			t.Error("a flag that is no setting was set")
		}
	})
}
